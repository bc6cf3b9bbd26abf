//! Says where the server is open, on standard output: the one thing a newcomer looks for.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// Says where people open Maru, and where operators read its metrics.
#[expect(
    clippy::print_stdout,
    reason = "this is what the program says to whoever started it"
)]
pub(super) fn announce(address: SocketAddr, admin: Option<SocketAddr>) {
    let here = if address.ip().is_unspecified() {
        SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port())
    } else {
        address
    };
    println!("Maru is open at http://{here}");
    if let Some(phone) = address
        .ip()
        .is_unspecified()
        .then(network_address)
        .flatten()
    {
        println!(
            "On a phone in the same network: http://{}",
            SocketAddr::new(phone, address.port())
        );
    }
    if let Some(admin) = admin {
        println!("Metrics are at http://{admin}/metrics");
    }
}

/// This machine's address in its network. Nothing is sent: connecting a UDP socket only asks the routing table.
fn network_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    socket
        .local_addr()
        .ok()
        .map(|address| address.ip())
        .filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}
