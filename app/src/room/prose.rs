//! The one renderer of messages' texts: from Markdown's typed tree to elements around text nodes.

use super::feed::Feed;
use crate::i18n::Text;
use crate::markdown::{Block, Kind, Run, Sort, blocks, runs};
use crate::markup::Maker;

/// Puts a message's text into its bubble, and says whether it mentions the viewer.
pub(super) fn prose(bubble: &mut Maker, text: &str, feed: Feed) -> bool {
    let names = feed.known();
    let me = feed.me();
    let me = me.as_ref().map(|me| me.name.as_str());
    let mut mentioned = false;
    for Block { kind, lines } in blocks(text) {
        let (outer, inner) = match kind {
            Kind::Paragraph => ("div", "p"),
            Kind::Quote => ("blockquote", "p"),
            Kind::Bullets => ("ul", "li"),
            Kind::Numbers(_) => ("ol", "li"),
            Kind::Code(_) => ("div", "pre"),
        };
        bubble.open(outer);
        if let Kind::Numbers(first) = kind {
            bubble.attr("start", &first.to_string());
        }
        if let Kind::Code(language) = kind {
            let copy = Text::Copy.to(feed.language);
            bubble.class("code").open("div").class("code-head");
            bubble.open("span").text(language).close();
            bubble.button("copy-code").text(copy).close().close();
        }
        for line in lines {
            bubble.open(inner);
            if let Kind::Code(_) = kind {
                bubble.text(line);
            } else {
                for run in runs(line, &names, me) {
                    mentioned |= run.sort == Sort::Me;
                    span(bubble, run);
                }
            }
            bubble.close();
        }
        bubble.close();
    }
    mentioned
}

/// Puts a piece of text in its style at the end of a line.
fn span(line: &mut Maker, run: Run<'_>) {
    let tag = match run.sort {
        Sort::Link => "a",
        Sort::Code => "code",
        _ if run.bold => "strong",
        _ if run.italic => "em",
        _ if run.strike => "s",
        Sort::Mention | Sort::Me => "span",
        Sort::Text => {
            line.text(run.text);
            return;
        }
    };
    line.open(tag);
    let mut class = String::new();
    let is_mention = matches!(run.sort, Sort::Mention | Sort::Me);
    for (holds, name) in [
        (run.bold, " b"),
        (run.italic, " i"),
        (run.strike, " s"),
        (is_mention, " mention"),
    ] {
        if holds {
            class.push_str(name);
        }
    }
    if let Some(class) = class.get(1..) {
        line.class(class);
    }
    if run.sort == Sort::Link {
        line.attr("href", run.text)
            .attr("rel", "noopener nofollow")
            .attr("target", "_blank");
    }
    line.text(run.text).close();
}
