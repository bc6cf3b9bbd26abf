//! Who a browser is: a signed cookie that every server of the cluster can read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cookie::{Cookie, CookieJar, SameSite};
use protocol::Sender;
use serde::{Deserialize, Serialize};

use crate::keys::Keys;

/// How long a nickname lasts after it was chosen; browsers keep no cookie longer.
const LIFETIME: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// What the cookie says, in its signed form.
#[derive(Serialize, Deserialize)]
struct Claims {
    uid: String,
    name: String,
    /// Unix seconds after which the cookie says nothing.
    exp: u64,
}

/// The name of the cookie. Browsers accept the `__Host-` form over TLS only, and drop `Secure` cookies on plain HTTP.
fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-sid" } else { "sid" }
}

/// The person that the request's cookie names, if its signature holds and it has not expired.
pub fn person(headers: &HeaderMap, secure: bool, keys: &Keys) -> Option<Sender> {
    let name = cookie_name(secure);
    let given = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| {
            Cookie::split_parse(value.to_owned())
                .filter_map(Result::ok)
                .collect::<Vec<_>>()
        })
        .find(|cookie| cookie.name() == name)?;
    let mut jar = CookieJar::new();
    jar.add_original(given);
    let signed = keys
        .cookies()
        .iter()
        .find_map(|key| jar.signed(key).get(name))?;
    let claims: Claims =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(signed.value()).ok()?).ok()?;
    (claims.exp > unix_seconds()).then_some(Sender {
        uid: claims.uid,
        name: claims.name,
    })
}

/// The `Set-Cookie` value that makes the browser this person.
pub fn cookie(person: &Sender, secure: bool, keys: &Keys) -> String {
    let claims = Claims {
        uid: person.uid.clone(),
        name: person.name.clone(),
        exp: unix_seconds() + LIFETIME.as_secs(),
    };
    // Serialising two strings and a number into memory cannot fail.
    let value = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap_or_default());
    let name = cookie_name(secure);
    let mut jar = CookieJar::new();
    if let Some(key) = keys.cookies().first() {
        let cookie = Cookie::build((name, value))
            .path("/")
            .http_only(true)
            .secure(secure)
            .same_site(SameSite::Lax)
            .max_age(cookie::time::Duration::seconds_f64(LIFETIME.as_secs_f64()));
        jar.signed_mut(key).add(cookie);
    }
    jar.get(name).map(ToString::to_string).unwrap_or_default()
}

fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        let directory = tempfile::tempdir().unwrap();
        Keys::load_or_create(&directory.path().join("keys")).unwrap()
    }

    fn sent_back(set_cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let pair = set_cookie.split(';').next().unwrap();
        headers.insert(
            header::COOKIE,
            format!("theme=dark; {pair}").parse().unwrap(),
        );
        headers
    }

    #[test]
    fn the_cookie_names_the_person() {
        let keys = keys();
        let person_in = Sender {
            uid: "u1".to_owned(),
            name: "지우; Path=/".to_owned(),
        };
        for secure in [false, true] {
            let set = cookie(&person_in, secure, &keys);
            assert!(
                set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"),
                "{set}"
            );
            assert_eq!(set.contains("Secure"), secure);
            assert_eq!(
                person(&sent_back(&set), secure, &keys),
                Some(person_in.clone())
            );
            assert_eq!(person(&sent_back(&set), !secure, &keys), None);
        }
    }

    #[test]
    fn a_forged_cookie_names_nobody() {
        let ours = keys();
        let set = cookie(
            &Sender {
                uid: "u1".to_owned(),
                name: "n".to_owned(),
            },
            false,
            &keys(),
        );
        assert_eq!(
            person(&sent_back(&set), false, &ours),
            None,
            "signed by another key"
        );
        let set = cookie(
            &Sender {
                uid: "u1".to_owned(),
                name: "n".to_owned(),
            },
            false,
            &ours,
        );
        let pair = set.split(';').next().unwrap();
        let changed = format!(
            "{}{}",
            &pair[..pair.len() - 1],
            if pair.ends_with('A') { 'B' } else { 'A' }
        );
        assert_eq!(
            person(&sent_back(&changed), false, &ours),
            None,
            "one letter changed"
        );
    }
}
