//! The small Markdown of messages: from a text to a typed tree, never to HTML.
//!
//! Blocks are paragraphs, quotes, lists and code; the text in them is a flat sequence of runs, each with its style, so that marks
//! may overlap and nothing is nested. Every input is valid, and takes time in proportion to its length. Marks work between
//! letters, too (`한글**굵게**조사`), which CommonMark's rules forbid.

use protocol::Sender;
use protocol::mention::named;

/// A part of a message on lines of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    /// What it is.
    pub(crate) kind: Kind<'a>,
    /// Its text: the lines of a quote, the items of a list, or one text with its line breaks.
    pub(crate) lines: Vec<&'a str>,
}

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// Plain text.
    Paragraph,
    /// Lines that begin with `>` and a blank, or are nothing else.
    Quote,
    /// Lines that begin with `-`, `*` or `+`.
    Bullets,
    /// Lines that begin with a number; the first one's number.
    Numbers(u16),
    /// What stands between lines of three backticks, and the word behind the first of them.
    Code(&'a str),
}

/// A piece of text in one style.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Run<'a> {
    /// The text without its marks.
    pub(crate) text: &'a str,
    /// `**bold**`
    pub(crate) bold: bool,
    /// `*italic*`
    pub(crate) italic: bool,
    /// `~~strike~~`
    pub(crate) strike: bool,
    /// What it is beyond text.
    pub(crate) sort: Sort,
}

/// What a run is beyond text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Nothing.
    #[default]
    Text,
    /// Between backticks.
    Code,
    /// An address with one of the schemes that are safe to follow.
    Link,
    /// Somebody's name after `@`.
    Mention,
    /// The viewer's own name after `@`.
    Me,
}

const FENCE: &str = "```";

/// Takes a message apart.
pub(crate) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut rest = text;
    // Where the present paragraph begins.
    let mut paragraph = text;
    // Once no fence closes, none will: looked for once.
    let mut fences = true;
    while !rest.is_empty() {
        let (line, behind) = split_line(rest);
        let code = (fences && line.starts_with(FENCE)).then(|| fenced(rest));
        let (kind, text, behind) = match code {
            Some(Some((language, code, behind))) => (Kind::Code(language), code, behind),
            other => {
                fences &= other.is_none() || fence_in(&rest[FENCE.len()..]).is_some();
                let Some((kind, text)) = beginning(line) else {
                    rest = behind;
                    continue;
                };
                (kind, text, behind)
            }
        };
        push_paragraph(&mut blocks, &paragraph[..paragraph.len() - rest.len()]);
        rest = behind;
        paragraph = behind;
        match blocks.last_mut() {
            Some(last) if continues(last.kind, kind, &last.lines) => last.lines.push(text),
            _ => blocks.push(Block {
                kind,
                lines: vec![text],
            }),
        }
    }
    push_paragraph(&mut blocks, paragraph);
    blocks
}

fn push_paragraph<'a>(blocks: &mut Vec<Block<'a>>, text: &'a str) {
    let text = text.trim_matches('\n');
    if !text.is_empty() {
        blocks.push(Block {
            kind: Kind::Paragraph,
            lines: vec![text],
        });
    }
}

/// Whether a line goes on with the block before it.
fn continues(before: Kind<'_>, kind: Kind<'_>, lines: &[&str]) -> bool {
    match (before, kind) {
        (Kind::Quote, Kind::Quote) | (Kind::Bullets, Kind::Bullets) => true,
        (Kind::Numbers(first), Kind::Numbers(number)) => {
            usize::from(number) == usize::from(first) + lines.len()
        }
        _ => false,
    }
}

fn split_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// The word behind the fence at the start of a text, the code up to the closing fence, and what comes behind that.
fn fenced(text: &str) -> Option<(&str, &str, &str)> {
    let inner = text.strip_prefix(FENCE)?;
    let end = fence_in(inner)?;
    let (code, behind) = (&inner[..end], &inner[end + FENCE.len()..]);
    let (line, behind) = split_line(behind);
    // Something behind the closing fence: no block.
    if !line.trim().is_empty() {
        return None;
    }
    let (first, rest) = split_line(code);
    let is_word = first
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"+#-_. ".contains(&byte));
    let (language, code) = if is_word && code.contains('\n') {
        (first.trim(), rest)
    } else {
        ("", code)
    };
    Some((language, code.strip_suffix('\n').unwrap_or(code), behind))
}

/// Where the next fence begins. The standard library's search for strings would cost the page a kilobyte.
fn fence_in(text: &str) -> Option<usize> {
    let mut windows = text.as_bytes().windows(FENCE.len());
    windows.position(|bytes| bytes == FENCE.as_bytes())
}

/// What the beginning of a line says, and the line without it.
fn beginning(line: &str) -> Option<(Kind<'_>, &str)> {
    // `>_<` is a face.
    let (mark, text) = match line {
        ">" => (line, ""),
        _ => line.split_once(' ')?,
    };
    if mark == ">" {
        return Some((Kind::Quote, text));
    }
    if text.trim().is_empty() {
        return None;
    }
    if matches!(mark, "-" | "*" | "+") {
        return Some((Kind::Bullets, text));
    }
    let number = mark.strip_suffix(['.', ')'])?;
    // A year is no number of a list.
    let is_number = number.len() <= 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse().ok().filter(|_| is_number)?;
    Some((Kind::Numbers(number), text))
}

/// A piece of a line, before it is known which marks have a partner.
#[derive(Clone, Copy, Debug)]
struct Piece<'a> {
    text: &'a str,
    /// Where it begins in the line.
    at: usize,
    sort: Sort,
    /// Which mark it is, and whether it may open and close.
    mark: Option<(usize, bool, bool)>,
    /// Whether it has a partner.
    paired: bool,
}

/// Takes a line apart. `names` are the people who may be mentioned, `me` is the viewer's.
pub(crate) fn runs<'a>(line: &'a str, names: &[Sender], me: Option<&str>) -> Vec<Run<'a>> {
    let mut pieces = pieces(line, names, me);
    let mut open: [Option<usize>; 3] = [None; 3];
    for index in 0..pieces.len() {
        let Some((mark, opens, closes)) = pieces[index].mark else {
            continue;
        };
        match open[mark] {
            Some(start) if closes && start + 1 < index => {
                pieces[start].paired = true;
                pieces[index].paired = true;
                open[mark] = None;
            }
            None if opens => open[mark] = Some(index),
            _ => {}
        }
    }
    let mut styles = [false; 3];
    // Where the last run begins.
    let mut start = 0;
    let mut runs: Vec<Run<'a>> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        if let Some((mark, ..)) = piece.mark.filter(|_| piece.paired) {
            styles[mark] = !styles[mark];
            continue;
        }
        let [bold, italic, strike] = styles;
        let style = (bold, italic, strike, Sort::Text);
        // Marks without a partner are text like what stands around them.
        if piece.sort == Sort::Text
            && let Some(last) = runs.last_mut()
            && style == (last.bold, last.italic, last.strike, last.sort)
            && start + last.text.len() == piece.at
        {
            last.text = &line[start..piece.at + piece.text.len()];
            continue;
        }
        start = piece.at;
        runs.push(Run {
            text: piece.text,
            bold,
            italic,
            strike,
            sort: piece.sort,
        });
    }
    runs
}

fn pieces<'a>(line: &'a str, names: &[Sender], me: Option<&str>) -> Vec<Piece<'a>> {
    let mut pieces: Vec<Piece<'a>> = Vec::new();
    // Where the present plain text begins, and where we are.
    let (mut plain, mut at) = (0, 0);
    let mut before: Option<char> = None;
    while let Some(letter) = line[at..].chars().next() {
        let rest = &line[at..];
        let special = match letter {
            '*' | '~' => marks(rest, before),
            '`' => code(rest),
            '@' => mention(rest, before, names, me),
            'h' | 'H' | 'm' | 'M' => link(rest, before),
            _ => None,
        };
        let Some((found, length)) = special else {
            before = Some(letter);
            at += letter.len_utf8();
            // A row of marks that is none is not looked at again.
            if matches!(letter, '*' | '~') {
                let row = rest.len() - rest.trim_start_matches(letter).len();
                at += row - 1;
            }
            continue;
        };
        if plain < at {
            pieces.push(Piece {
                at: plain,
                ..piece(&line[plain..at], Sort::Text)
            });
        }
        let mut place = at;
        for found in found.into_iter().flatten() {
            pieces.push(Piece { at: place, ..found });
            place += found.text.len();
        }
        before = line[at..at + length].chars().next_back();
        at += length;
        plain = at;
    }
    if plain < line.len() {
        pieces.push(Piece {
            at: plain,
            ..piece(&line[plain..], Sort::Text)
        });
    }
    pieces
}

/// What stands at the start of a text, and how many bytes it takes.
type Found<'a> = Option<([Option<Piece<'a>>; 2], usize)>;

fn piece(text: &str, sort: Sort) -> Piece<'_> {
    Piece {
        text,
        at: 0,
        sort,
        mark: None,
        paired: false,
    }
}

/// `*`, `**`, `***` or `~~`.
fn marks(rest: &str, before: Option<char>) -> Found<'_> {
    let letter = rest.chars().next()?;
    let length = rest.len() - rest.trim_start_matches(letter).len();
    let after = rest[length..].chars().next();
    let is_space = |letter: Option<char>| letter.is_none_or(char::is_whitespace);
    let is_word =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    // `2*3*4` is arithmetic.
    let inside = length == 1 && is_word(before) && is_word(after);
    let (opens, closes) = (!is_space(after) && !inside, !is_space(before) && !inside);
    let mark = |text, number| {
        Some(Piece {
            mark: Some((number, opens, closes)),
            ..piece(text, Sort::Text)
        })
    };
    let found = match (letter, length) {
        ('*', 1) => [mark(&rest[..1], 1), None],
        ('*', 2) => [mark(&rest[..2], 0), None],
        ('*', 3) => [mark(&rest[..2], 0), mark(&rest[2..3], 1)],
        ('~', 2) => [mark(&rest[..2], 2), None],
        _ => return None,
    };
    Some((found, length))
}

fn code(rest: &str) -> Found<'_> {
    let inner = &rest[1..];
    let end = inner.find(['`', '\n'])?;
    let is_code = end > 0 && inner.as_bytes()[end] == b'`';
    is_code.then(|| ([Some(piece(&inner[..end], Sort::Code)), None], end + 2))
}

fn mention<'a>(
    rest: &'a str,
    before: Option<char>,
    names: &[Sender],
    me: Option<&str>,
) -> Found<'a> {
    if before.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let names = names.iter().map(|person| person.name.as_str()).chain(me);
    let found = names.filter_map(|name| Some((named(&rest[1..], name)?, name)));
    let (length, name) = found.max_by_key(|(length, _)| *length)?;
    let sort = if Some(name) == me {
        Sort::Me
    } else {
        Sort::Mention
    };
    let length = 1 + length;
    Some(([Some(piece(&rest[..length], sort)), None], length))
}

/// An address that begins here: `http:`, `https:` and `mailto:` only.
fn link(rest: &str, before: Option<char>) -> Found<'_> {
    if before.is_some_and(|letter| letter.is_ascii_alphanumeric()) {
        return None;
    }
    let scheme = ["https://", "http://", "mailto:"]
        .into_iter()
        .find(|scheme| {
            let start = rest.get(..scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })?;
    let mut end = scheme.len();
    let (mut in_host, mut last) = (true, '/');
    for letter in rest[end..].chars() {
        in_host &= !matches!(letter, '/' | '?' | '#');
        // A particle follows the host without a blank: `maru.example에서`.
        let particle = in_host && last.is_ascii_alphanumeric() && !letter.is_ascii();
        if particle || letter.is_whitespace() || letter.is_control() || ends_link(letter) {
            break;
        }
        last = letter;
        end += letter.len_utf8();
    }
    let address = trim_link(&rest[..end]);
    let is_whole = address.len() > scheme.len() && (scheme != "mailto:" || address.contains('@'));
    is_whole.then(|| ([Some(piece(address, Sort::Link)), None], address.len()))
}

/// What is in no address, or could make one look like another.
fn ends_link(letter: char) -> bool {
    matches!(
        letter,
        '<' | '>' | '"' | '`' | '\\' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}

/// Without what ends the sentence around it.
fn trim_link(mut address: &str) -> &str {
    let count = |letter: char| address.matches(letter).count();
    let mut unopened = count(')').saturating_sub(count('('));
    while let Some(last) = address.chars().next_back() {
        let ends_sentence = matches!(
            last,
            '.' | ','
                | ';'
                | ':'
                | '!'
                | '?'
                | '\''
                | '*'
                | '~'
                | '_'
                | ']'
                | '}'
                | '…'
                | '。'
                | '、'
        );
        if last == ')' && unopened > 0 {
            unopened -= 1;
        } else if !ends_sentence {
            break;
        }
        address = &address[..address.len() - last.len_utf8()];
    }
    address
}

/// Whether a text is one to three emoji and nothing else, which are shown large.
pub(crate) fn is_emoji_alone(text: &str) -> bool {
    const JOINER: char = '\u{200d}';
    let (mut count, mut joined, mut half_flag) = (0, false, false);
    for letter in text.trim().chars() {
        match letter {
            JOINER => joined = count > 0,
            '\u{fe0f}' | '\u{20e3}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}'
                if count > 0 => {}
            '\u{1f1e6}'..='\u{1f1ff}' => {
                count += usize::from(!half_flag);
                half_flag = !half_flag;
            }
            '\u{1f300}'..='\u{1faff}'
            | '\u{2600}'..='\u{27bf}'
            | '\u{2b50}'
            | '\u{2b55}'
            | '\u{231a}'
            | '\u{231b}'
            | '\u{23e9}'..='\u{23f3}' => count += usize::from(!std::mem::take(&mut joined)),
            _ => return false,
        }
    }
    (1..=3).contains(&count)
}

#[cfg(test)]
mod tests;
