//! Which Host and Origin a request may carry: the guard against foreign pages and DNS rebinding.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use protocol::Theme;

use super::settings;

/// Where a request says it goes, once that is an address of this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Host and port as the browser wrote them.
    host: String,
    /// Whether browsers reach this host over TLS.
    pub secure: bool,
    /// The colours that the browser asked for, which its every page needs.
    pub theme: Theme,
}

/// What the request's Origin says about its maker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// No Origin: a program, or a browser's plain navigation.
    Absent,
    /// A page of this server.
    Own,
    /// A page of somebody else.
    Foreign,
}

impl Site {
    /// The site that the request names, or none when the Host is not one of this server's.
    ///
    /// A Host that equals the Origin is not enough: a foreign name can be made to resolve to this machine.
    pub fn of(headers: &HeaderMap, public_origins: &[String]) -> Option<Self> {
        let host = headers
            .get(header::HOST)?
            .to_str()
            .ok()?
            .to_ascii_lowercase();
        let public = public_origins.iter().find(|origin| {
            origin
                .split_once("://")
                .is_some_and(|(_, known)| known == host)
        });
        let secure = match public {
            Some(origin) => origin.starts_with("https://"),
            None if is_local(&host) => false,
            None => return None,
        };
        Some(Self {
            host,
            secure,
            theme: settings::theme(headers),
        })
    }

    /// The origin of this site's socket: older browsers do not count it as `'self'` in a Content-Security-Policy.
    pub fn socket_origin(&self) -> String {
        let scheme = if self.secure { "wss" } else { "ws" };
        format!("{scheme}://{}", self.host)
    }

    /// What the request's Origin is to this site.
    pub fn origin(&self, headers: &HeaderMap) -> Origin {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return Origin::Absent;
        };
        let scheme = if self.secure { "https" } else { "http" };
        let own = format!("{scheme}://{}", self.host);
        if origin
            .to_str()
            .is_ok_and(|origin| origin.eq_ignore_ascii_case(&own))
        {
            Origin::Own
        } else {
            Origin::Foreign
        }
    }
}

/// Names that no foreign DNS server can give out: this machine, an IP literal, a name of the local network.
fn is_local(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        let Some((literal, port)) = rest.split_once(']') else {
            return false;
        };
        return literal.parse::<IpAddr>().is_ok() && (port.is_empty() || is_port(port));
    }
    let name = match host.split_once(':') {
        Some((name, port)) if is_port(&format!(":{port}")) => name,
        Some(_) => return false,
        None => host,
    };
    let letters = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    name == "localhost"
        || name.parse::<IpAddr>().is_ok()
        || (letters
            && name
                .strip_suffix(".local")
                .is_some_and(|own| !own.is_empty()))
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':')
        .is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        headers
    }

    #[test]
    fn hosts() {
        let public = ["https://chat.example.com".to_owned()];
        for host in [
            "localhost:8080",
            "127.0.0.1:8080",
            "192.168.0.7:8080",
            "[::1]:8080",
            "hall.local",
            "Chat.Example.com",
        ] {
            assert!(Site::of(&headers(host, None), &public).is_some(), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            ".local",
            "[::1",
            "a b.local",
            "localhost:x",
            "localhost:80:80",
        ] {
            assert!(Site::of(&headers(host, None), &public).is_none(), "{host}");
        }
    }

    #[test]
    fn origins() {
        let public = ["https://chat.example.com".to_owned()];
        for (host, origin, expected) in [
            ("localhost:8080", None, Origin::Absent),
            ("localhost:8080", Some("http://localhost:8080"), Origin::Own),
            (
                "localhost:8080",
                Some("http://localhost:8081"),
                Origin::Foreign,
            ),
            (
                "localhost:8080",
                Some("https://localhost:8080"),
                Origin::Foreign,
            ),
            ("localhost:8080", Some("null"), Origin::Foreign),
            (
                "localhost:8080",
                Some("http://localhost:8080.evil.example"),
                Origin::Foreign,
            ),
            (
                "chat.example.com",
                Some("https://chat.example.com"),
                Origin::Own,
            ),
            (
                "chat.example.com",
                Some("http://chat.example.com"),
                Origin::Foreign,
            ),
        ] {
            let headers = headers(host, origin);
            assert_eq!(
                Site::of(&headers, &public).unwrap().origin(&headers),
                expected,
                "{host} {origin:?}"
            );
        }
    }
}
