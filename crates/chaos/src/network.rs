//! The network in which every server and broker has a cable of its own, made and cut by `scripts/chaos/network.sh`.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use tokio::process::Command;

use crate::cluster::run;

/// Where people are: a range for `scripts/chaos/network.sh cut`, and how many of their ten addresses it holds.
pub(crate) const PEOPLE: [&str; 4] = [
    "10.77.0.100/30",
    "10.77.0.104/30",
    "10.77.0.108/31",
    "10.77.0.96/28",
];

/// Which packets between two parties vanish.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Direction {
    /// Those in both directions.
    Both,
    /// Those to the first party.
    In,
    /// Those from the first party.
    Out,
}

impl Direction {
    pub(crate) const ALL: [Self; 3] = [Self::Both, Self::In, Self::Out];

    fn word(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// The script that makes and cuts the network.
pub(crate) struct Network {
    script: PathBuf,
}

impl Network {
    pub(crate) fn new(script: PathBuf) -> Self {
        Self { script }
    }

    /// Where a server listens.
    pub(crate) fn server_address(number: u16) -> IpAddr {
        let last = u8::try_from(10 + number).unwrap_or(u8::MAX);
        Ipv4Addr::new(10, 77, 0, last).into()
    }

    /// Where a person connects from.
    pub(crate) fn person_address(number: u32) -> IpAddr {
        let last = u8::try_from(100 + number % 10).unwrap_or(u8::MAX);
        Ipv4Addr::new(10, 77, 0, last).into()
    }

    /// What runs a program where a server is.
    pub(crate) fn run_server(number: usize, program: &PathBuf) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &format!("maru-chaos-server-{number}")])
            .arg(program);
        command
    }

    /// Lets packets between `party` (as in `server-0`) and another one vanish.
    pub(crate) async fn cut(
        &self,
        party: &str,
        other: &str,
        direction: Direction,
    ) -> io::Result<()> {
        run(Command::new(&self.script).args(["cut", party, other, direction.word()])).await
    }

    /// Lets all packets of `party` through again.
    pub(crate) async fn mend(&self, party: &str) -> io::Result<()> {
        run(Command::new(&self.script).args(["mend", party])).await
    }
}
