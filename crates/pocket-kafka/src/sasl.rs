//! SASL/PLAIN (RFC 4616): until it has succeeded, a connection is answered nothing but which versions are offered.

use kafka_protocol::{
    error::ResponseError,
    messages::{
        ApiKey, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
        SaslHandshakeResponse,
    },
    protocol::StrBytes,
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    frame::{self, Bounds, Closed, Request},
    request::api_versions,
    settings::Credentials,
};

const MECHANISM: &str = "PLAIN";
/// Enough for the three requests of a handshake, and little that a stranger can make this process hold.
const BOUNDS: Bounds = Bounds {
    bytes: 16 << 10,
    elements: 16,
};

/// Serves a new connection until it has authenticated.
pub(crate) async fn authenticate(
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    credentials: &Credentials,
) -> Result<(), Closed> {
    let mut mechanism_agreed = false;
    loop {
        let request = frame::read(reader, BOUNDS).await?;
        match request.api {
            ApiKey::ApiVersions => frame::write(writer, &api_versions::answer(&request)?).await?,
            ApiKey::SaslHandshake => {
                let wanted: SaslHandshakeRequest = request.decode()?;
                mechanism_agreed = wanted.mechanism.as_str() == MECHANISM;
                let error = if mechanism_agreed {
                    0
                } else {
                    ResponseError::UnsupportedSaslMechanism.code()
                };
                let answer = SaslHandshakeResponse::default()
                    .with_error_code(error)
                    .with_mechanisms(vec![StrBytes::from_static_str(MECHANISM)]);
                frame::write(writer, &request.answer(&answer)?).await?;
            }
            ApiKey::SaslAuthenticate if mechanism_agreed => {
                return finish(&request, writer, credentials).await;
            }
            _ => return Err(Closed::Unauthenticated("a request")),
        }
    }
}

async fn finish(
    request: &Request,
    writer: &mut (impl AsyncWrite + Unpin),
    credentials: &Credentials,
) -> Result<(), Closed> {
    let token: SaslAuthenticateRequest = request.decode()?;
    if is_valid(&token.auth_bytes, credentials) {
        return frame::write(
            writer,
            &request.answer(&SaslAuthenticateResponse::default())?,
        )
        .await;
    }
    let answer = SaslAuthenticateResponse::default()
        .with_error_code(ResponseError::SaslAuthenticationFailed.code())
        .with_error_message(Some(StrBytes::from_static_str(
            "wrong username or password",
        )));
    frame::write(writer, &request.answer(&answer)?).await?;
    let user = token
        .auth_bytes
        .split(|byte| *byte == 0)
        .nth(1)
        .unwrap_or_default();
    Err(Closed::Credentials(
        String::from_utf8_lossy(user).into_owned(),
    ))
}

/// `[authorization identity] NUL username NUL password`; acting as somebody else is not offered.
fn is_valid(token: &[u8], credentials: &Credentials) -> bool {
    let mut parts = token.split(|byte| *byte == 0);
    let (Some(identity), Some(username), Some(password), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let right_user = equal(username, credentials.username.as_bytes());
    let right_password = equal(password, credentials.password.as_bytes());
    (identity.is_empty() || identity == username) && right_user & right_password
}

/// Compares in a time that tells nothing of where the two differ.
fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .fold(0, |difference, (a, b)| difference | (a ^ b))
            == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_takes_the_one_user_and_nobody_else() {
        let credentials = Credentials {
            username: "maru".into(),
            password: "s3cret".into(),
        };
        for good in [&b"\0maru\0s3cret"[..], b"maru\0maru\0s3cret"] {
            assert!(is_valid(good, &credentials));
        }
        for bad in [
            &b""[..],
            b"\0maru\0",
            b"\0maru\0s3cre",
            b"\0maru\0s3creT",
            b"\0Maru\0s3cret",
            b"root\0maru\0s3cret",
            b"\0maru\0s3cret\0",
            b"maru\0s3cret",
        ] {
            assert!(!is_valid(bad, &credentials), "{bad:?}");
        }
    }
}
