//! How a browser wants its pages: colours and language, remembered by cookies so that the first HTML has them.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use cookie::{Cookie, SameSite};
use protocol::{Language, Theme};
use serde::Deserialize;

use super::access::Site;
use super::{Web, forms};

/// The cookie of the colours.
const THEME: &str = "theme";
/// The cookie of the language.
pub const LANGUAGE: &str = "lang";
/// Browsers keep no cookie longer.
const LIFETIME: cookie::time::Duration = cookie::time::Duration::days(400);

/// The form of the settings: each of its buttons sends one choice. What is not known changes nothing.
#[derive(Deserialize)]
pub struct SettingsForm {
    theme: Option<String>,
    lang: Option<String>,
    /// The path to go back to.
    #[serde(default, rename = "return")]
    back: String,
}

/// `POST /settings`: remembers a choice.
pub async fn change(
    State(web): State<Arc<Web>>,
    Extension(site): Extension<Site>,
    headers: HeaderMap,
    Form(form): Form<SettingsForm>,
) -> Response {
    if let Some(refusal) = forms::foreign(&web, &site, &headers) {
        return refusal;
    }
    let theme = form.theme.as_deref().and_then(Theme::from_word);
    let language = form.lang.as_deref().and_then(Language::from_tag);
    let choices = [
        (THEME, theme.map(Theme::as_str)),
        (LANGUAGE, language.map(Language::tag)),
    ];
    let mut response = Redirect::to(&forms::own_path(&form.back)).into_response();
    for (name, value) in choices {
        let Some(value) = value else { continue };
        let cookie = Cookie::build((name, value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(site.secure)
            .max_age(LIFETIME)
            .to_string();
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// The colours that the browser's cookie asks for.
pub fn theme(headers: &HeaderMap) -> Theme {
    remembered(headers, THEME, Theme::from_word).unwrap_or_default()
}

/// What a cookie of this name says, as far as it is understood.
pub fn remembered<T>(
    headers: &HeaderMap,
    name: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let mut cookies = Cookie::split_parse(cookies).filter_map(Result::ok);
    read(cookies.find(|cookie| cookie.name() == name)?.value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_by_cookie() {
        for (cookie, expected) in [
            ("", Theme::Auto),
            ("a=b; theme=dark", Theme::Dark),
            ("theme=light", Theme::Light),
            ("theme=pink", Theme::Auto),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().unwrap());
            assert_eq!(theme(&headers), expected, "{cookie}");
        }
    }
}
