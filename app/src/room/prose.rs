//! The one renderer of messages' texts: from Markdown's typed tree to elements around text nodes.

use leptos::attr::custom::CustomAttribute;
use leptos::either::Either;
use leptos::html::custom;
use leptos::prelude::*;

use super::feed::Feed;
use crate::i18n::Text;
use crate::markdown::{Block, Kind, Run, Sort, blocks, runs};

/// A message's text, and whether it mentions the viewer.
///
/// Elements are made by their names, so that all of them are one type and are compiled once.
pub(super) fn prose(text: &str, feed: Feed) -> (impl IntoView + use<>, bool) {
    let names = feed.known();
    let me = feed.me();
    let me = me.as_ref().map(|me| me.name.as_str());
    let mut mentioned = false;
    let mut spans = |line: &str| -> Vec<_> {
        let runs = runs(line, &names, me);
        mentioned |= runs.iter().any(|run| run.sort == Sort::Me);
        runs.into_iter().map(span).collect()
    };
    let view: Vec<_> = blocks(text)
        .into_iter()
        .map(|block| {
            let Block { kind, lines } = block;
            let (outer, inner, start) = match kind {
                Kind::Paragraph => ("div", "p", None),
                Kind::Quote => ("blockquote", "p", None),
                Kind::Bullets => ("ul", "li", None),
                Kind::Numbers(first) => ("ol", "li", Some(first.to_string())),
                Kind::Code(_) => ("div", "pre", None),
            };
            let head = match kind {
                Kind::Code(language) => Some(view! {
                    <div class="code-head">
                        <span>{language.to_owned()}</span>
                        <button type="button" data-act="copy-code">{Text::Copy.to(feed.language)}</button>
                    </div>
                }),
                _ => None,
            };
            let is_code = head.is_some();
            let lines: Vec<_> = lines
                .into_iter()
                .map(|line| {
                    let inside = if is_code {
                        vec![Either::Left(line.to_owned())]
                    } else {
                        spans(line)
                    };
                    custom(inner).child(inside)
                })
                .collect();
            custom(outer)
                .attr("class", is_code.then_some("code"))
                .attr("start", start)
                .child((head, lines))
        })
        .collect();
    (view, mentioned)
}

/// A piece of text in its style.
fn span(run: Run<'_>) -> Either<String, impl IntoView + use<>> {
    let Run {
        text,
        bold,
        italic,
        strike,
        sort,
    } = run;
    let is_link = sort == Sort::Link;
    let tag = match sort {
        Sort::Link => "a",
        Sort::Code => "code",
        _ if bold => "strong",
        _ if italic => "em",
        _ if strike => "s",
        Sort::Mention | Sort::Me => "span",
        Sort::Text => return Either::Left(text.to_owned()),
    };
    let mut class = String::new();
    for (holds, name) in [
        (bold, " b"),
        (italic, " i"),
        (strike, " s"),
        (matches!(sort, Sort::Mention | Sort::Me), " mention"),
    ] {
        if holds {
            class.push_str(name);
        }
    }
    Either::Right(
        custom(tag)
            .attr("class", class.get(1..).map(ToOwned::to_owned))
            .attr("href", is_link.then(|| text.to_owned()))
            .attr("rel", is_link.then_some("noopener nofollow"))
            .attr("target", is_link.then_some("_blank"))
            .child(text.to_owned()),
    )
}
