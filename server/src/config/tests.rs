//! The configuration as a whole: which source wins, what is said about errors, what is shown.

use std::collections::BTreeMap;
use std::path::Path;

use super::settings::{SETTINGS, all};
use super::sources::Source;
use super::*;

/// What these arguments, these variables and a file with this text give.
fn gather(words: &[&str], variables: &[(&str, &str)], file: &str) -> Result<Given, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("maru.toml");
    std::fs::write(&path, file).unwrap();
    let named = [("MARU_CONFIG", path.to_str().unwrap())];
    Given::gather(
        &Arguments::from_words(words).unwrap(),
        &environment(&[&named, variables].concat()),
    )
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    let variables = variables.iter();
    Environment::from_variables(variables.map(|(name, value)| (name.into(), value.into())))
}

/// The error of these, in words.
fn error(words: &[&str], variables: &[(&str, &str)], file: &str) -> String {
    let read = gather(words, variables, file).and_then(|given| Config::read(&given));
    read.err().expect("an error").to_string()
}

/// A value of each setting that is not its default.
fn another(key: &str) -> &'static str {
    match key {
        "listen" => "[::1]:23000",
        "data" => "/var/lib/마루 \"1\"",
        "admin_listen" => "127.0.0.1:9080",
        "kafka_brokers" => "a:1,b:2",
        "topic_prefix" => "007",
        "keys_file" => "C:\\keys",
        "fsync" => "250",
        "public_origins" => "https://a.example,http://b.example:8080",
        "programs" => "false",
        "profile" => "bench",
        "log" => "server=debug,info",
        "site" => "/srv/site",
        "header_bytes" => "5000",
        key if key.ends_with("_bytes") => "600000",
        "headers" => "70",
        _ => "7",
    }
}

/// What cannot be used, where anything cannot.
fn wrong(key: &str) -> Option<&'static str> {
    match key {
        "data" => Some(""),
        "keys_file" | "site" => None,
        "kafka_brokers" => Some("a:port"),
        "log" => Some("server=loud"),
        _ => Some("= wrong ="),
    }
}

#[test]
fn each_source_wins_over_the_one_before_it() {
    for setting in SETTINGS {
        let argument = format!("--{}", setting.argument());
        let value = another(setting.key);
        // A file's, then with a variable's, then with an argument's on top: always the last one counts.
        let file = format!("{} = {}", setting.key, toml::Value::from(value));
        let none = gather(&[], &[], "").unwrap().value(setting);
        assert_eq!(
            (none.text.as_str(), none.source),
            (setting.default, Source::Default)
        );
        let from_file = gather(&[], &[], &file).unwrap().value(setting);
        assert_eq!(from_file.text, value, "{file}");
        assert!(
            matches!(from_file.source, Source::File { line: 1, .. }),
            "{file}"
        );
        let variable = [(setting.variable, "of a variable")];
        let from_variable = gather(&[], &variable, &file).unwrap().value(setting);
        assert_eq!(from_variable.text, "of a variable");
        assert_eq!(from_variable.source, Source::Environment(setting.variable));
        for words in [
            [argument.as_str(), "of an argument", "config"],
            ["config", argument.as_str(), "of an argument"],
        ] {
            let from_argument = gather(&words, &variable, &file).unwrap().value(setting);
            assert_eq!(from_argument.text, "of an argument");
            assert_eq!(from_argument.source, Source::Argument);
        }
    }
}

#[test]
fn errors_name_the_setting_as_it_was_given_the_value_and_what_is_allowed() {
    for setting in SETTINGS {
        let Some(wrong) = wrong(setting.key) else {
            continue;
        };
        let argument = format!("--{}", setting.argument());
        let file = format!("\n{} = {wrong:?}", setting.key);
        let in_file = format!("{} in line 2 of ", setting.key);
        for (name, said) in [
            (argument.as_str(), error(&[&argument, wrong], &[], "")),
            (
                setting.variable,
                error(&[], &[(setting.variable, wrong)], ""),
            ),
            (in_file.as_str(), error(&[], &[], &file)),
        ] {
            for word in [name, &format!("{wrong:?}"), setting.allowed] {
                assert!(said.contains(word), "{said:?} lacks {word:?}");
            }
        }
    }
}

#[test]
fn errors_in_the_file_name_line_and_key() {
    for (file, words) in [
        (
            "\nlisen = 1",
            ["line 2", "lisen is not a setting", "did you mean listen?"],
        ),
        (
            "colour = 1",
            [
                "line 1",
                "colour is not a setting",
                "there are listen, admin_listen, data",
            ],
        ),
        (
            "kafka_property = 'a=b'",
            ["line 1", "kafka_property", "the table [kafka]"],
        ),
        ("kafka = 'a=b'", ["line 1", "kafka must be", "a table"]),
        (
            "[listen]\na = 1",
            ["line 1", "listen must be", "an IP address"],
        ),
        (
            "partitions = 1979-05-27",
            ["line 1", "partitions must be", "1 to 1000"],
        ),
        (
            "data = 'a'\ndata = 'b'",
            ["line 2", "(data)", "duplicate key"],
        ),
        ("listen", ["line 1", "not valid TOML", "(listen)"]),
    ] {
        let said = error(&[], &[], file);
        for word in words {
            assert!(said.contains(word), "{file}: {said:?} lacks {word:?}");
        }
    }
    let nowhere = environment(&[("MARU_CONFIG", "/nowhere/maru.toml")]);
    let said = Given::gather(&Arguments::from_words(&[]).unwrap(), &nowhere);
    let said = said.err().unwrap().to_string();
    assert!(
        said.contains("/nowhere/maru.toml") && said.contains("MARU_CONFIG"),
        "{said}"
    );
}

#[test]
fn errors_do_not_show_what_may_be_a_password() {
    for file in [
        "[kafka]\n\"sasl.password\" = [1717]",
        "[kafka]\n\"sasl.password\" = hunter-1717",
        "[kafka]\n\"sasl.password\" = \"1717",
        "[kafka]\nsasl.password = [1717]",
    ] {
        let said = error(&[], &[], file);
        assert!(
            said.contains("line 2") && said.contains("sasl.password"),
            "{said}"
        );
        assert!(!said.contains("1717"), "{said}");
    }
    let half = "sasl.password=hunter;1717";
    for (said, name) in [
        (
            error(&["--kafka-property", half], &[], ""),
            "--kafka-property",
        ),
        (
            error(&[], &[("MARU_KAFKA_PROPERTIES", half)], ""),
            "MARU_KAFKA_PROPERTIES",
        ),
    ] {
        assert!(said.contains(&format!("part 2 of {name}")), "{said}");
        assert!(!said.contains("1717"), "{said}");
    }
}

#[test]
fn kafka_properties_of_all_sources_count_each_by_itself() {
    let file = "[kafka]\n\"linger.ms\" = 1\n\"acks\" = -1\nsecurity.protocol = \"SASL_SSL\"\nsocket.keepalive.enable = true";
    let variables = [(
        "MARU_KAFKA_PROPERTIES",
        "linger.ms=2; client.id = a b;batch.size=1;",
    )];
    let words = [
        "--kafka-property",
        "linger.ms=3",
        "--kafka-property",
        "debug=a=b;check.crcs=true",
    ];
    let config = Config::read(&gather(&words, &variables, file).unwrap()).unwrap();
    let expected = [
        ("acks", "-1"),
        ("batch.size", "1"),
        ("check.crcs", "true"),
        ("client.id", " a b"),
        ("debug", "a=b"),
        ("linger.ms", "3"),
        ("security.protocol", "SASL_SSL"),
        ("socket.keepalive.enable", "true"),
    ];
    let expected: BTreeMap<_, _> = expected
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    assert_eq!(config.kafka_properties, expected);
}

#[test]
fn an_empty_text_takes_a_value_away() {
    let file = "kafka_brokers = 'a:1'\npublic_origins = ['https://a.example', 'https://b.example']";
    let config = Config::read(&gather(&[], &[], file).unwrap()).unwrap();
    assert_eq!(config.kafka_brokers.as_deref(), Some("a:1"));
    assert_eq!(config.public_origins.len(), 2);
    let variables = [("KAFKA_BROKERS", ""), ("MARU_PUBLIC_ORIGINS", "")];
    let config = Config::read(&gather(&[], &variables, file).unwrap()).unwrap();
    assert_eq!(config.kafka_brokers, None);
    assert!(config.public_origins.is_empty());
}

#[test]
fn what_is_shown_is_a_file_that_says_the_same() {
    let given: Vec<_> = SETTINGS
        .iter()
        .map(|setting| (setting.variable, another(setting.key)))
        .chain([(
            "MARU_KAFKA_PROPERTIES",
            "linger.ms=5;security.protocol=SSL\u{7f}\"'\n",
        )])
        .collect();
    for variables in [&given[..], &[]] {
        let shown = gather(&[], variables, "").unwrap();
        let again = gather(&[], &[], &shown.to_string()).unwrap();
        for setting in SETTINGS {
            let (before, after) = (shown.value(setting), again.value(setting));
            assert_eq!(before.text, after.text, "{}:\n{shown}", setting.key);
            assert!(matches!(after.source, Source::File { .. }));
        }
        assert_eq!(
            shown.kafka_properties(),
            again.kafka_properties(),
            "{shown}"
        );
        Config::read(&again).unwrap();
    }
}

#[test]
fn what_is_shown_names_the_sources_and_leaves_secrets_out() {
    let shown = gather(
        &["--rate-burst", "7"],
        &[
            ("MARU_LISTEN", "0.0.0.0:1"),
            (
                "MARU_KAFKA_PROPERTIES",
                "sasl.password=hunter-1717;linger.ms=3;odd\nname=1717",
            ),
        ],
        "partitions = 3\n[kafka]\n\"ssl.key.password\" = 1717",
    );
    let shown = shown.unwrap().to_string();
    assert!(gather(&[], &[], &shown).is_ok(), "{shown}");
    let line = |key: &str| {
        let words = shown.lines().find(|line| line.contains(key)).expect(key);
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("data ="), "data = \"data\" # default");
    assert_eq!(
        line("listen"),
        "listen = \"0.0.0.0:1\" # environment MARU_LISTEN"
    );
    assert_eq!(line("rate_burst"), "rate_burst = 7 # argument");
    assert_eq!(
        line("linger.ms"),
        "\"linger.ms\" = 3 # environment MARU_KAFKA_PROPERTIES"
    );
    assert_eq!(
        line("sasl.password"),
        "# \"sasl.password\" is left out # environment MARU_KAFKA_PROPERTIES"
    );
    let partitions = line("partitions");
    assert!(
        partitions.starts_with("partitions = 3 # file \"")
            && partitions.ends_with("maru.toml\", line 1"),
        "{partitions}"
    );
    assert!(line("ssl.key.password").starts_with("# \"ssl.key.password\" is left out # file"));
    assert!(!shown.contains("1717"), "{shown}");
}

#[test]
fn cargo_leptos_places_a_server_under_development() {
    let watched = environment(&[
        ("LEPTOS_WATCH", "true"),
        ("LEPTOS_SITE_ADDR", "127.0.0.1:23001"),
        ("LEPTOS_SITE_ROOT", "target/site"),
        ("LEPTOS_RELOAD_PORT", "23002"),
        ("MARU_LISTEN", "127.0.0.1:23003"),
    ]);
    let given = Given::gather(&Arguments::from_words(&[]).unwrap(), &watched).unwrap();
    let config = Config::read(&given).unwrap();
    assert_eq!(config.data, Path::new("data/dev"));
    assert_eq!(config.site, Path::new("target/site"));
    assert_eq!(config.reload_port, Some(23_002));
    assert_eq!(config.listen.port(), 23_003, "people's own settings win");
}

#[test]
fn commands() {
    for (words, command) in [
        (&[][..], Command::Run),
        (&["config"], Command::Config),
        (&["repair"], Command::Repair { yes: false }),
        (&["repair", "--yes"], Command::Repair { yes: true }),
        (&["verify"], Command::Verify),
        (
            &["healthcheck", "--listen", "127.0.0.1:1"],
            Command::Healthcheck,
        ),
    ] {
        assert_eq!(Arguments::from_words(words).unwrap().command, command);
    }
    for words in [
        &["confg"][..],
        &["--lisen", "a"],
        &["--listen"],
        &["a", "b"],
    ] {
        assert!(Arguments::from_words(words).is_err(), "{words:?}");
    }
}

#[test]
fn variables_that_are_misspelled_are_named() {
    let variables: Vec<_> = all().map(|setting| (setting.variable, "")).collect();
    assert_eq!(environment(&variables).misspelled().count(), 0);
    let said: Vec<_> = environment(&[("MARU_LISTN", "a"), ("MARU_PORT_80_TCP", "b")])
        .misspelled()
        .collect();
    let expected =
        "the environment variable MARU_LISTN is not a setting: did you mean MARU_LISTEN?";
    assert_eq!(said, [expected]);
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_named() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let odd = OsStr::from_bytes(b"\xff").to_owned();
    let odd = Environment::from_variables([("MARU_DATA".into(), odd)].into_iter());
    let said = Given::gather(&Arguments::from_words(&[]).unwrap(), &odd);
    assert!(said.err().unwrap().to_string().contains("MARU_DATA"));
}
