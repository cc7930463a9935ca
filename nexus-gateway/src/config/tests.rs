use super::*;

fn parse(line: &str) -> Result<Config, String> {
    let words = std::iter::once("nexus-gateway").chain(line.split_whitespace());
    Config::read(words.map(OsString::from)).map_err(|e| e.to_string())
}

#[test]
fn the_declaration_is_consistent() {
    Config::command().debug_assert();
}

#[test]
fn nothing_given_means_a_million_messages() {
    let config = parse("").unwrap();
    assert_eq!(
        (
            config.replay.source.messages,
            config.replay.source.repeat,
            config.replay.source.seed
        ),
        (1_000_000, 1, 1)
    );
    assert_eq!(
        (config.replay.rate, config.replay.sync),
        (None, Duration::from_millis(100))
    );
    assert_eq!(
        (config.replay.source.input, config.replay.archive),
        (None, None)
    );
    assert_eq!(config.command, None);
}

#[test]
fn what_every_command_takes_may_stand_before_it_and_behind_it() {
    for line in [
        "-v --json --log json receive --connect h:1",
        "receive --connect h:1 -v --json --log json",
    ] {
        let config = parse(line).unwrap();
        assert!(config.json);
        assert_eq!(
            (config.log.log, config.log.level()),
            (LogFormat::Json, tracing::Level::DEBUG)
        );
    }
    assert!(!parse("-q").unwrap().log.shows_progress());
    assert_eq!(parse("").unwrap().log.level(), tracing::Level::INFO);
}

fn command(line: &str) -> Command {
    parse(line).unwrap().command.unwrap()
}

#[test]
fn commands_have_arguments_of_their_own() {
    assert_eq!(
        command("replay"),
        Command::Replay(parse("").unwrap().replay)
    );
    let Command::Publish(feed) = command("feed --listen 127.0.0.1:0") else {
        panic!("another command");
    };
    assert_eq!((feed.rate(), feed.linger), (None, None));
    assert_eq!((feed.loss, feed.source.messages), (0, 1_000_000));
    assert_eq!(feed.rhythm.rhythm(), Rhythm::default());
    let line = "publish --listen [::1]:9 --udp 239.1.1.1:7 --udp localhost:8 --session X1 \
                --input f --repeat 2 --linger 3 --loss 1";
    let Command::Publish(feed) = command(line) else {
        panic!("another command");
    };
    assert_eq!(feed.udp.len(), 2);
    assert_eq!(feed.rate(), Some(100_000), "UDP has no backpressure");
    assert_eq!(feed.linger, Some(Duration::from_secs(3)));

    let line = "receive --connect exchange:9000 --udp 0.0.0.0:7 --session X1 --archive a";
    let Command::Receive(run) = command(line) else {
        panic!("another command");
    };
    assert_eq!(
        (run.services()[0].to_string(), run.sync),
        ("exchange:9000".to_string(), Duration::from_millis(100))
    );
    assert_eq!((run.udp.len(), run.gap_wait), (1, Duration::from_millis(5)));
    assert_eq!(run.give_up, Duration::from_secs(60));
}

fn assert_named(refused: &[(&str, [&str; 2])]) {
    for (line, parts) in refused {
        let error = parse(line).unwrap_err();
        for part in parts {
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}

#[test]
fn errors_name_the_value_and_the_limit() {
    assert_named(&[
        ("--messages 21", ["'21'", "22..=50000000"]),
        ("--messages many", ["'many'", "--messages"]),
        ("--repeat 0", ["'0'", "1..=1000000"]),
        ("--rate 0", ["'0'", "1..=100000000"]),
        ("--rate -5", ["'-5'", ""]),
        ("--sync 60001", ["'60001'", "from 1ms to 1m"]),
        ("--sync 0", ["'0'", "from 1ms to 1m"]),
        ("--sync soon", ["'soon'", "--sync"]),
        ("--input f --seed 3", ["'--input <FILE>'", "'--seed <N>'"]),
        ("--speed", ["'--speed'", ""]),
        ("file", ["'file'", ""]),
        ("publish", ["--listen <ADDR>", ""]),
        ("publish --listen h:1 --loss 91", ["'91'", "0..=90"]),
        ("publish --listen h:1 --loss 1", ["--udp <ADDR>", ""]),
        ("--rate 5 publish --listen h:1", ["--rate", "'publish'"]),
        ("--input f replay", ["--input <FILE>", "'replay'"]),
        ("-q -v", ["--quiet", "--verbose"]),
        ("--udp 127.0.0.1:7", ["--udp <ADDR>", "--input"]),
        ("--input f --udp host:7", ["'host:7'", "--udp"]),
        (
            "replay --input f --udp 1.1.1.1:1 --udp 1.1.1.1:2 --udp 1.1.1.1:3",
            ["3 times", "the limit is 2"],
        ),
        ("--log xml", ["'xml'", "text, json"]),
    ]);
}

#[test]
fn errors_of_receive_name_the_value_and_the_limit() {
    assert_named(&[
        ("receive", ["--connect <ADDR>", ""]),
        ("receive --connect host", ["'host'", "HOST:PORT"]),
        ("receive --connect host:x", ["'host:x'", "0 to 65535"]),
        ("receive --connect :1", ["':1'", "HOST:PORT"]),
        (
            "receive --connect h:1 --session 2026-11-27x",
            ["2026-11-27x", "1 to 10 printable"],
        ),
        (
            "receive --connect h:1 --user sevenxx",
            ["'sevenxx'", "at most 6"],
        ),
        (
            "receive --connect h:1 --give-up 0",
            ["'0'", "from 1s to 1day"],
        ),
        (
            "receive --connect h:1 --udp h:2 --user x",
            ["--user", "--udp <LINE>"],
        ),
        (
            "receive --connect h:1 --udp h:2 --udp h:3 --udp h:4",
            ["3 times", "the limit is 2"],
        ),
        (
            "receive --connect h:1 --udp h:2,port=3",
            ["'port=3'", "interface=NAME"],
        ),
        (
            "receive --connect h:1 --udp h:2,source=x",
            ["source 'x'", "no address"],
        ),
        ("receive --request h:1", ["--udp", ""]),
        (
            "receive --connect h:1 --udp h:2 --gap-wait 5",
            ["'5'", "--gap-wait"],
        ),
    ]);
}

#[test]
fn help_explains_every_flag_and_gives_examples() {
    let help = Config::command().render_long_help().to_string();
    for flag in [
        "--input",
        "--repeat",
        "--messages",
        "--seed",
        "--rate",
        "--archive",
        "--sync",
    ] {
        assert!(help.contains(flag), "{flag}");
    }
    assert!(help.contains("Examples:") && help.contains("Exit code"));
    for line in help.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for (name, flags) in [
        (
            "publish",
            &[
                "--listen",
                "--udp",
                "--rate",
                "--session",
                "--linger",
                "--loss",
            ][..],
        ),
        (
            "receive",
            &["--connect", "--udp", "--archive", "--session", "--give-up"],
        ),
    ] {
        let mut command = Config::command();
        command.build();
        let command = command.find_subcommand_mut(name).unwrap();
        let help = command.render_long_help().to_string();
        for flag in flags {
            assert!(help.contains(flag), "{flag}");
        }
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert!(help.contains("Examples:") && !help.contains("silence-ms"));
    }
}

/// The command lines in a text: what is in its blocks of code and begins with the program.
fn command_lines(text: &str) -> Vec<String> {
    let blocks = text.split("```").skip(1).step_by(2);
    let joined = blocks.map(|block| block.replace("\\\n", " "));
    let lines: Vec<String> = joined
        .flat_map(|block| block.lines().map(str::to_string).collect::<Vec<_>>())
        .collect();
    let of_program = lines.iter().filter_map(|line| {
        let at = line.find("nexus-gateway ")?;
        let line = &line[at + "nexus-gateway ".len()..];
        Some(line.split(" #").next().unwrap_or(line).to_string())
    });
    of_program.collect()
}

#[test]
fn every_command_line_that_is_shown_is_one() {
    let shown = [
        include_str!("../../README.md"),
        include_str!("../../docs/runbook.md"),
        include_str!("../../../README.md"),
    ];
    let mut lines: Vec<_> = shown.iter().flat_map(|text| command_lines(text)).collect();
    let unit = include_str!("../../dist/nexus-gateway.service");
    lines.extend(unit.lines().filter_map(|line| {
        let line = line.strip_prefix("ExecStart=/usr/bin/nexus-gateway ")?;
        Some(line.to_string())
    }));
    assert!(lines.len() > 8, "{lines:?}");
    for line in lines {
        if let Err(error) = parse(&line) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn a_time_may_have_its_unit_or_none() {
    let sync = |text: &str| parse(&format!("--sync {text}")).unwrap().replay.sync;
    assert_eq!(sync("250"), Duration::from_millis(250));
    assert_eq!(sync("250ms"), Duration::from_millis(250));
    assert_eq!(sync("1m"), Duration::from_secs(60));
    let Command::Receive(run) = command("receive --connect h:1 --give-up 90") else {
        panic!("another command");
    };
    assert_eq!(run.give_up, Duration::from_secs(90));
    let Command::Publish(feed) = command("publish --listen h:1 --linger 0") else {
        panic!("another command");
    };
    assert_eq!(feed.linger, Some(Duration::ZERO));
}
