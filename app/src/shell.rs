//! Whole HTML documents, rendered on the server in one go: no streaming, no suspense, complete without JavaScript.

use leptos::prelude::*;
use protocol::search::SearchState;
use protocol::{Language, LobbyState, RoomState, RoomSummary, Theme, Viewer};
use serde::Serialize;

use crate::i18n::{Text, capped};
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
    /// The colours of the page.
    pub theme: Theme,
    /// A few words.
    pub title: String,
    /// The sentence that says what happened and what to do, in the language of the page.
    pub sentence: String,
    /// After how many seconds the page asks again by itself.
    pub reload_after: Option<u32>,
}

/// The document of `/`.
pub fn lobby_document(state: LobbyState, options: DocumentOptions<'_>) -> String {
    let frame = Frame::of(&state.viewer);
    let title = Text::AppName.to(frame.language).to_owned();
    let title = with_count(title, &state.rooms);
    document(
        frame,
        title,
        options,
        Program::Script,
        move || view! { <LobbyPage state /> },
    )
}

/// The document of `/rooms/{room}`.
pub fn room_document(mut state: RoomState, options: DocumentOptions<'_>) -> String {
    for summary in &mut state.rooms {
        // The list shows the beginning only, and every page would carry the rest of each.
        summary.last.body = shortened(&summary.last.body);
    }
    let frame = Frame::of(&state.viewer);
    let title = format!("{} · {}", state.room, Text::AppName.to(frame.language));
    let title = with_count(title, &state.rooms);
    let island = json_for_script(&state);
    document(
        frame,
        title,
        options,
        Program::Hydrate { island },
        move || view! { <RoomPage state /> },
    )
}

/// The document of `/search`.
pub fn search_document(state: SearchState, options: DocumentOptions<'_>) -> String {
    let frame = Frame::of(&state.viewer);
    let language = frame.language;
    let name = Text::AppName.to(language);
    let title = format!("{} · {name}", Text::Search.to(language));
    document(
        frame,
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
        theme,
        title,
        sentence,
        reload_after,
    } = state;
    let frame = Frame { language, theme };
    let program = reload_after.map_or(Program::None, |seconds| Program::AskAgain { seconds });
    document(frame, title.clone(), options, program, move || {
        view! {
            <main class="message-page">
                <img class="emblem" src="/icon.svg" alt="" width="64" height="64" />
                <h1>{title}</h1>
                <p>{sentence}</p>
                <a class="button" href="/">{Text::BackToRooms.to(language)}</a>
            </main>
        }
    })
}

/// What the title says of unread messages.
fn with_count(title: String, rooms: &[RoomSummary]) -> String {
    match rooms.iter().map(|room| room.unread).sum() {
        0 => title,
        count => format!("({}) {title}", capped(count)),
    }
}

/// How the viewer wants every document.
#[derive(Clone, Copy)]
struct Frame {
    language: Language,
    theme: Theme,
}

impl Frame {
    fn of(viewer: &Viewer) -> Self {
        Self {
            language: viewer.language,
            theme: viewer.theme,
        }
    }
}

/// What happens after the document has arrived.
enum Program {
    /// Nothing: links and forms do.
    None,
    /// Links and forms do, and a script helps with the list of rooms.
    Script,
    /// The page is asked for again.
    AskAgain { seconds: u32 },
    /// The browser takes the page over, from this state.
    Hydrate { island: String },
}

fn document<V: IntoView>(
    frame: Frame,
    title: String,
    options: DocumentOptions<'_>,
    program: Program,
    page: impl FnOnce() -> V,
) -> String {
    let DocumentOptions { nonce, assets } = options;
    let Frame { language, theme } = frame;
    let hydrates = matches!(program, Program::Hydrate { .. });
    let has_rooms = hydrates || matches!(program, Program::Script);
    let (island, again) = match program {
        Program::None | Program::Script => (None, None),
        Program::AskAgain { seconds } => (None, Some(seconds)),
        Program::Hydrate { island } => (Some(island), None),
    };
    let (scheme, colour) = colours(theme);
    let script = |source: &str| view! { <script nonce=nonce.to_owned()>{compact(source)}</script> };
    let owner = Owner::new_root(None);
    owner.with(|| {
        view! {
            <!DOCTYPE html>
            <html lang=language.tag() data-theme=theme.as_str() data-build=assets.build()>
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
                    <meta name="color-scheme" content=scheme />
                    // The first that fits counts.
                    {colour.map(|colour| view! { <meta name="theme-color" content=colour /> })}
                    <meta name="theme-color" media="(prefers-color-scheme: light)" content="#FFFFFF" />
                    <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#15181C" />
                    <link rel="stylesheet" href=assets.style.clone() />
                    {hydrates.then(|| preloads(options))}
                    <link rel="icon" href="/favicon.ico" sizes="32x32" />
                    <link rel="icon" href="/icon.svg" r#type="image/svg+xml" />
                    <link rel="apple-touch-icon" href="/apple-touch-icon.png" />
                    <link rel="manifest" href="/manifest.webmanifest" />
                </head>
                <body>
                    {page()}
                    {hydrates.then(|| update_bar(language))}
                    {island
                        .map(|state| view! { <script r#type="application/json" id="maru-state">{state}</script> })}
                    {script(include_str!("shell/start.js"))}
                    {has_rooms.then(|| script(include_str!("shell/page.js")))}
                    {again
                        .map(|seconds| {
                            script(&include_str!("shell/ask-again.js").replace("SECONDS", &seconds.to_string()))
                        })}
                    {hydrates
                        .then(|| {
                            let source = include_str!("shell/hydrate.js")
                                .replace("SCRIPT", &format!("{:?}", assets.script))
                                .replace("MODULE", &format!("{:?}", assets.module));
                            view! { <script r#type="module" nonce=nonce.to_owned()>{compact(&source)}</script> }
                        })}
                    {assets
                        .reload_port
                        .map(|port| {
                            script(&include_str!("shell/reload.js").replace("PORT", &port.to_string()))
                        })}
                </body>
            </html>
        }
        .to_html()
    })
}

/// A script without what is there for people: its comments and indentation. They would be a tenth of a page.
fn compact(source: &str) -> String {
    let mut compact = String::with_capacity(source.len());
    for line in source.lines().map(str::trim_start) {
        if !line.starts_with("//") {
            compact.push_str(line);
            compact.push('\n');
        }
    }
    compact
}

/// The colours of what the browser itself draws: the schemes that fit, and the one colour where the viewer chose.
fn colours(theme: Theme) -> (&'static str, Option<&'static str>) {
    match theme {
        Theme::Auto => ("light dark", None),
        Theme::Light => ("light", Some("#FFFFFF")),
        Theme::Dark => ("dark", Some("#15181C")),
    }
}

/// Has the program loaded while the document is read.
fn preloads(options: DocumentOptions<'_>) -> impl IntoView + use<> {
    let DocumentOptions { nonce, assets } = options;
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
}

/// Shown by the page's script when the server has other files than this page.
fn update_bar(language: Language) -> impl IntoView {
    view! {
        <div class="update" role="status" hidden>
            <span>{Text::NewVersion.to(language)}</span>
            <button type="button">{Text::Reload.to(language)}</button>
        </div>
    }
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
