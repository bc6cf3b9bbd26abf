//! Whole HTML documents, rendered on the server in one go: no streaming, no suspense, complete without JavaScript.

use leptos::prelude::*;
use protocol::search::SearchState;
use protocol::{Language, LobbyState, RoomState};
use serde::Serialize;

use crate::i18n::Text;
use crate::lobby::LobbyPage;
use crate::room::RoomPage;
use crate::rooms::shortened;
use crate::search::SearchPage;

mod assets;

pub use assets::{Assets, AssetsError};

/// What a document needs besides its state.
#[derive(Clone, Copy, Debug)]
pub struct DocumentOptions<'a> {
    /// The nonce of this response's Content-Security-Policy, without which no inline script runs.
    pub nonce: &'a str,
    /// Where the page's files are.
    pub assets: &'a Assets,
}

/// A page that says one thing: not found, not allowed, still starting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageState {
    /// The language of the page.
    pub language: Language,
    /// A few words.
    pub title: String,
    /// The sentence that says what happened and what to do, in the language of the page.
    pub sentence: String,
    /// After how many seconds the page asks again by itself.
    pub reload_after: Option<u32>,
}

/// The document of `/`.
pub fn lobby_document(state: LobbyState, options: DocumentOptions<'_>) -> String {
    let language = state.viewer.language;
    let title = Text::AppName.to(language).to_owned();
    document(
        language,
        title,
        options,
        Program::None,
        move || view! { <LobbyPage state /> },
    )
}

/// The document of `/rooms/{room}`.
pub fn room_document(mut state: RoomState, options: DocumentOptions<'_>) -> String {
    for summary in &mut state.rooms {
        // The list shows the beginning only, and every page would carry the rest of each.
        summary.last.body = shortened(&summary.last.body);
    }
    let language = state.viewer.language;
    let title = format!("{} · {}", state.room, Text::AppName.to(language));
    let island = json_for_script(&state);
    document(
        language,
        title,
        options,
        Program::Hydrate { island },
        move || view! { <RoomPage state /> },
    )
}

/// The document of `/search`.
pub fn search_document(state: SearchState, options: DocumentOptions<'_>) -> String {
    let language = state.viewer.language;
    let name = Text::AppName.to(language);
    let title = format!("{} · {name}", Text::Search.to(language));
    document(
        language,
        title,
        options,
        Program::None,
        move || view! { <SearchPage state /> },
    )
}

/// A document with one sentence; the status of the response is the caller's.
pub fn message_document(state: MessageState, options: DocumentOptions<'_>) -> String {
    let MessageState {
        language,
        title,
        sentence,
        reload_after,
    } = state;
    let program = reload_after.map_or(Program::None, |seconds| Program::AskAgain { seconds });
    document(language, title.clone(), options, program, move || {
        view! {
            <main class="message-page">
                <h1>{title}</h1>
                <p>{sentence}</p>
                <a class="button" href="/">{Text::BackToRooms.to(language)}</a>
            </main>
        }
    })
}

/// What happens after the document has arrived.
enum Program {
    /// Nothing: links and forms do.
    None,
    /// The page is asked for again.
    AskAgain { seconds: u32 },
    /// The browser takes the page over, from this state.
    Hydrate { island: String },
}

fn document<V: IntoView>(
    language: Language,
    title: String,
    options: DocumentOptions<'_>,
    program: Program,
    page: impl FnOnce() -> V,
) -> String {
    let DocumentOptions { nonce, assets } = options;
    let hydrates = matches!(program, Program::Hydrate { .. });
    let (island, again) = match program {
        Program::None => (None, None),
        Program::AskAgain { seconds } => (None, Some(seconds)),
        Program::Hydrate { island } => (Some(island), None),
    };
    let script = |source: String| view! { <script nonce=nonce.to_owned()>{source}</script> };
    let owner = Owner::new_root(None);
    owner.with(|| {
        view! {
            <!DOCTYPE html>
            <html lang=language.tag()>
                <head>
                    <meta charset="utf-8" />
                    <meta
                        name="viewport"
                        content="width=device-width,initial-scale=1,viewport-fit=cover,interactive-widget=resizes-content"
                    />
                    <title>{title}</title>
                    {again
                        .map(|seconds| {
                            let seconds = seconds.to_string();
                            view! {
                                <noscript>
                                    <meta http-equiv="refresh" content=seconds />
                                </noscript>
                            }
                        })}
                    <meta name="color-scheme" content="light dark" />
                    <meta name="theme-color" media="(prefers-color-scheme: light)" content="#FFFFFF" />
                    <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#15181C" />
                    <link rel="stylesheet" href=assets.style.clone() />
                    {hydrates
                        .then(|| {
                            view! {
                                <link rel="modulepreload" href=assets.script.clone() nonce=nonce.to_owned() />
                                <link
                                    rel="preload"
                                    href=assets.module.clone()
                                    r#as="fetch"
                                    r#type="application/wasm"
                                    crossorigin=""
                                />
                            }
                        })}
                    <link rel="icon" href="/favicon.ico" sizes="32x32" />
                    <link rel="icon" href="/icon.svg" r#type="image/svg+xml" />
                    <link rel="apple-touch-icon" href="/apple-touch-icon.png" />
                    <link rel="manifest" href="/manifest.webmanifest" />
                </head>
                <body>
                    <div id="maru">{page()}</div>
                    {island
                        .map(|state| view! { <script r#type="application/json" id="maru-state">{state}</script> })}
                    {script(include_str!("shell/start.js").to_owned())}
                    {again
                        .map(|seconds| {
                            script(include_str!("shell/ask-again.js").replace("SECONDS", &seconds.to_string()))
                        })}
                    {hydrates
                        .then(|| {
                            let source = include_str!("shell/hydrate.js")
                                .replace("SCRIPT", &format!("{:?}", assets.script))
                                .replace("MODULE", &format!("{:?}", assets.module));
                            view! { <script r#type="module" nonce=nonce.to_owned()>{source}</script> }
                        })}
                    {assets
                        .reload_port
                        .map(|port| {
                            script(include_str!("shell/reload.js").replace("PORT", &port.to_string()))
                        })}
                </body>
            </html>
        }
        .to_html()
    })
}

/// JSON that may stand inside a `<script>`: nothing in it can end the element or a line.
fn json_for_script(state: &impl Serialize) -> String {
    // The states have no maps with keys other than text, which is all that serialising could refuse.
    let json = serde_json::to_string(state).unwrap_or_default();
    let mut safe = String::with_capacity(json.len() + 64);
    for letter in json.chars() {
        match letter {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            '\u{2028}' => safe.push_str("\\u2028"),
            '\u{2029}' => safe.push_str("\\u2029"),
            other => safe.push(other),
        }
    }
    safe
}
