//! Which language a page is written in: `?lang`, the cookie of an earlier choice, `Accept-Language`, Korean.

use axum::http::{HeaderMap, header};
use protocol::Language;

use super::settings;

/// Chooses the language of the answer.
pub fn choose(asked: Option<&str>, headers: &HeaderMap) -> Language {
    asked
        .and_then(Language::from_tag)
        .or_else(|| settings::remembered(headers, settings::LANGUAGE, Language::from_tag))
        .or_else(|| accepted(headers))
        .unwrap_or_default()
}

fn accepted(headers: &HeaderMap) -> Option<Language> {
    let wishes = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut best: Option<(f32, Language)> = None;
    for wish in wishes.split(',') {
        let (tag, weight) = wish.split_once(';').unwrap_or((wish, "q=1"));
        let weight = weight.trim().strip_prefix("q=");
        let quality: f32 = weight.and_then(|q| q.parse().ok()).unwrap_or(0.0);
        let Some(language) = Language::from_tag(tag.trim()) else {
            continue;
        };
        if quality > best.map_or(0.0, |(quality, _)| quality) {
            best = Some((quality, language));
        }
    }
    best.map(|(_, language)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_the_documented_order() {
        for (asked, cookie, accept, expected) in [
            (None, "", "", Language::Ko),
            (None, "", "en-US,en;q=0.9", Language::En),
            (None, "", "fr,en;q=0.3,ko;q=0.8", Language::Ko),
            (None, "", "ko; q=0.3, en; q=0.8", Language::En),
            (None, "", "fr", Language::Ko),
            (None, "a=b; lang=en", "ko", Language::En),
            (Some("ko"), "lang=en", "en", Language::Ko),
            (Some("xx"), "lang=en", "ko", Language::En),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().unwrap());
            headers.insert(header::ACCEPT_LANGUAGE, accept.parse().unwrap());
            assert_eq!(
                choose(asked, &headers),
                expected,
                "{asked:?} {cookie} {accept}"
            );
        }
    }
}
