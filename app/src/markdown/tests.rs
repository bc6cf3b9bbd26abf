//! What the small Markdown makes of texts, and that it makes something of all of them.

use super::*;

fn people(names: &[&str]) -> Vec<Sender> {
    let person = |name: &&str| Sender {
        uid: (*name).to_owned(),
        name: (*name).to_owned(),
    };
    names.iter().map(person).collect()
}

/// A line in a form that is easy to compare: styles as letters before the text.
fn shown(line: &str) -> String {
    let names = people(&["지우", "Ana", "지우개"]);
    let runs = runs(line, &names, Some("나연"));
    let mut shown = String::new();
    for run in runs {
        let marks = [(run.bold, 'b'), (run.italic, 'i'), (run.strike, 's')];
        let mut style: String = marks
            .iter()
            .filter(|mark| mark.0)
            .map(|mark| mark.1)
            .collect();
        style.push_str(match run.sort {
            Sort::Text => "",
            Sort::Code => "c",
            Sort::Link => "l",
            Sort::Mention => "m",
            Sort::Me => "M",
        });
        shown.extend([&*style, "[", run.text, "]"]);
    }
    shown
}

#[test]
fn styles() {
    for (line, expected) in [
        ("그냥 글", "[그냥 글]"),
        ("한글**굵게**조사", "[한글]b[굵게][조사]"),
        ("한글*기울임*은", "[한글]i[기울임][은]"),
        ("***둘 다***", "bi[둘 다]"),
        ("~~지움~~ `a*b*`", "s[지움][ ]c[a*b*]"),
        ("**a *b** c*", "b[a ]bi[b]i[ c]"),
        ("2*3*4", "[2*3*4]"),
        ("a * b * c", "[a * b * c]"),
        ("**열림", "[**열림]"),
        ("****", "[****]"),
        ("`열림", "[`열림]"),
        ("``", "[``]"),
        ("~하나~", "[~하나~]"),
        ("*a\nb*", "i[a\nb]"),
    ] {
        assert_eq!(shown(line), expected, "{line}");
    }
}

#[test]
fn links_are_of_three_schemes_only() {
    for (line, expected) in [
        ("https://a.example/x_y*z*", "l[https://a.example/x_y*z][*]"),
        (
            "(https://a.example/b_(c)).",
            "[(]l[https://a.example/b_(c)][).]",
        ),
        (
            "maru는 https://maru.example에서",
            "[maru는 ]l[https://maru.example][에서]",
        ),
        (
            "https://a.example/한글#조각 끝",
            "l[https://a.example/한글#조각][ 끝]",
        ),
        ("HTTP://a", "l[HTTP://a]"),
        ("mailto:a@b.example", "l[mailto:a@b.example]"),
        ("mailto:a", "[mailto:a]"),
        ("https://", "[https://]"),
        ("xhttps://a", "[xhttps://a]"),
        ("javascript:alert(1)", "[javascript:alert(1)]"),
        ("data:text/html,<b>", "[data:text/html,<b>]"),
        ("https://a\u{202e}b", "l[https://a][\u{202e}b]"),
        ("**https://a.example**", "bl[https://a.example]"),
    ] {
        assert_eq!(shown(line), expected, "{line}");
    }
}

#[test]
fn mentions_are_of_people() {
    for (line, expected) in [
        ("@지우님", "m[@지우][님]"),
        ("@지우개 빌려줘", "m[@지우개][ 빌려줘]"),
        ("**@나연**아", "bM[@나연][아]"),
        ("@Anatole @Ana", "[@Anatole ]m[@Ana]"),
        ("a@Ana", "[a@Ana]"),
        ("@", "[@]"),
    ] {
        assert_eq!(shown(line), expected, "{line}");
    }
}

#[test]
fn blocks_of_lines() {
    let text = "위\n\n아래\n> 하나\n>\n> 둘\n- 가\n* 나\n3. 셋\n4) 넷\n6. 여섯\n```rust\nlet a;\n\n*b*\n```\n2026. 1. 1\n끝";
    let shown: Vec<_> = blocks(text)
        .into_iter()
        .map(|block| (block.kind, block.lines))
        .collect();
    assert_eq!(
        shown,
        [
            (Kind::Paragraph, vec!["위\n\n아래"]),
            (Kind::Quote, vec!["하나", "", "둘"]),
            (Kind::Bullets, vec!["가", "나"]),
            (Kind::Numbers(3), vec!["셋", "넷"]),
            (Kind::Numbers(6), vec!["여섯"]),
            (Kind::Code("rust"), vec!["let a;\n\n*b*"]),
            (Kind::Paragraph, vec!["2026. 1. 1\n끝"]),
        ]
    );
    for (text, kind, line) in [
        ("```a b```", Kind::Code(""), "a b"),
        ("```열림\n", Kind::Paragraph, "```열림"),
        ("- ", Kind::Paragraph, "- "),
        ("-a", Kind::Paragraph, "-a"),
        (">_<", Kind::Paragraph, ">_<"),
        (">ㅅ< 안녕", Kind::Paragraph, ">ㅅ< 안녕"),
        (">", Kind::Quote, ""),
    ] {
        let lines = vec![line];
        assert_eq!(blocks(text), [Block { kind, lines }], "{text}");
    }
    assert_eq!(blocks("\n\n"), []);
}

/// The letters of a text, without what may be a mark.
fn letters(text: &str) -> String {
    text.chars()
        .filter(|letter| letter.is_alphabetic() || *letter == '<')
        .collect()
}

fn is_address(text: &str) -> bool {
    let mut schemes = ["http://", "https://", "mailto:"].iter();
    schemes.any(|scheme| text.starts_with(scheme))
}

#[test]
fn nothing_is_lost_but_marks_whatever_the_input() {
    let parts = [
        "*", "**", "***", "~~", "`", "```", "\n", " ", ">", "- ", "1. ", "@", "지우", "나연", "글",
        "a", "https://", "mailto:", "a@b", "<b>", "\u{202e}", "🙂", "\u{200d}", "(", ")", ".",
        "\u{0}", "\\", "[x](y)",
    ];
    let mut seed = 7_u64;
    let names = people(&["지우", "a", ""]);
    for _ in 0..20_000 {
        let mut text = String::new();
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        for _ in 0..=(seed >> 60) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text.push_str(parts[(seed >> 33) as usize % parts.len()]);
        }
        let mut all = String::new();
        for block in blocks(&text) {
            if let Kind::Code(language) = block.kind {
                all.push_str(language);
                all.extend(block.lines);
                continue;
            }
            for run in block
                .lines
                .iter()
                .flat_map(|line| runs(line, &names, Some("나연")))
            {
                all.push_str(run.text);
                assert!(run.sort != Sort::Link || is_address(run.text), "{text:?}");
            }
        }
        assert_eq!(letters(&all), letters(&text), "{text:?}");
        is_emoji_alone(&text);
    }
}

#[test]
fn the_longest_inputs_take_no_longer_than_their_length_asks_for() {
    // In quadratic time this would take hours.
    for part in [
        "*",
        "**a",
        "* a ",
        "`",
        "`a\n",
        "```\n",
        "~~a ~~",
        "@",
        "@a",
        "https://",
        "http://a)",
        "> ",
        "1. a\n",
        "m",
        "~",
    ] {
        let text = part.repeat(2_000_000 / part.len());
        let names = people(&["b"]);
        let count: usize = blocks(&text)
            .iter()
            .flat_map(|block| &block.lines)
            .map(|line| runs(line, &names, None).len())
            .sum();
        assert!(count <= text.len());
    }
}

#[test]
fn emoji_alone() {
    for (text, alone) in [
        ("🙂", true),
        (" 👏🏽👏🏽 ", true),
        ("👨‍👩‍👧‍👦🇰🇷❤️", true),
        ("🙂🙂🙂🙂", false),
        ("🙂 좋아", false),
        ("1", false),
        ("", false),
        ("\u{200d}", false),
    ] {
        assert_eq!(is_emoji_alone(text), alone, "{text}");
    }
}
