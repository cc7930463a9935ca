//! The archive when its writer is killed at any instant. What was acknowledged
//! as synced is readable, the torn tail is cut, what is appended afterwards is
//! readable, and no record is invented.
//!
//! The writer is this test program again, told by an environment variable to
//! run [`child`] alone; or it is the gateway.

use nexus_gateway::archive::{Archive, ArchiveError, inspect, verify};
use nexus_gateway::feed::{Random, SessionPlan, session};
use nexus_itch::binary_file::FrameReader;
use nexus_itch::itch::{MAX_MESSAGE_LEN, length_of};
use nexus_testkit::scale::scale;
use nexus_testkit::{seed, within};
use std::fs::File;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

const CHILD: &str = "NEXUS_GATEWAY_ARCHIVE_CHILD";

/// Kills of one archive before the next is begun: so that reading it through
/// stays quick.
const KILLS_AN_ARCHIVE: u32 = 4;

/// Messages of any type and any contents.
static TEMPLATES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    const KINDS: &[u8] = b"SRHAFECXDUPQBIN";
    let mut random = Random::new(1);
    let mut template = || {
        let kind = KINDS[random.below(KINDS.len() as u64) as usize];
        let mut message = vec![kind];
        message.resize_with(length_of(kind).expect("a known type"), || {
            random.next() as u8
        });
        message
    };
    std::iter::repeat_with(&mut template).take(1021).collect()
});

/// The record of number `index`, which stands in it.
fn record(index: u64) -> ([u8; MAX_MESSAGE_LEN], usize) {
    let template = &TEMPLATES[(index % TEMPLATES.len() as u64) as usize];
    let mut message = [0; MAX_MESSAGE_LEN];
    message[..template.len()].copy_from_slice(template);
    message[1..9].copy_from_slice(&index.to_le_bytes());
    (message, template.len())
}

fn append(archive: &mut Archive) -> Result<(), ArchiveError> {
    let (message, len) = record(archive.records());
    archive.append(&message[..len])
}

/// Appends until it is killed, and says what has been synced.
#[test]
fn child() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let mut archive = Archive::open(Path::new(&path)).expect("the archive opens");
    let mut random = Random::new(seed::printed());
    let mut out = std::io::stdout();
    let orphaned = Instant::now() + Duration::from_secs(20);
    while Instant::now() < orphaned {
        for _ in 0..random.below(8_000) {
            append(&mut archive).unwrap();
        }
        if random.below(3) > 0 {
            let synced = archive.sync().unwrap();
            writeln!(out, "synced {} {}", synced.length, archive.records()).unwrap();
        }
    }
}

/// Starts a writer, kills it after a while, and returns what it said.
fn run_and_kill(path: &Path, random: &mut Random) -> Output {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, path)
        .env(seed::NAME, random.next().to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_micros(random.below(50_000)));
    writer.kill().unwrap();
    writer.wait_with_output().unwrap()
}

/// The last length and number of records that the writer called synced.
fn last_synced(output: &Output) -> Option<(u64, u64)> {
    let text = String::from_utf8_lossy(&output.stdout);
    let whole_lines = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
    let last = whole_lines
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("synced "))?;
    let (length, records) = last.split_once(' ')?;
    Some((length.parse().unwrap(), records.parse().unwrap()))
}

/// Checks that the archive holds the records 0, 1, ... and returns how many.
fn count_records(path: &Path) -> u64 {
    let mut frames = FrameReader::new(File::open(path).unwrap());
    let mut count = 0;
    while let Ok(Some(message)) = frames.next() {
        let (expected, len) = record(count);
        assert!(message == &expected[..len], "record {count} is another");
        count += 1;
    }
    count
}

#[derive(Debug, Default)]
struct Seen {
    kills: u32,
    torn: u32,
    acknowledged: u32,
}

/// Takes a random part of what was not synced away: the kernel may have got no
/// further when the kill came, but writes too fast for that to happen often.
fn cut_tail(path: &Path, random: &mut Random) {
    let synced = inspect(path).unwrap().synced.unwrap_or_default().length;
    let file = File::options().write(true).open(path).unwrap();
    let tail = file.metadata().unwrap().len() - synced;
    file.set_len(synced + random.below(tail + 1)).unwrap();
}

fn kill_once(path: &Path, random: &mut Random, seen: &mut Seen) {
    let output = run_and_kill(path, random);
    assert_eq!(
        output.status.signal(),
        Some(9),
        "the writer ended by itself: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    seen.kills += 1;
    if !path.exists() {
        assert_eq!(last_synced(&output), None);
        return;
    }
    if random.below(2) == 0 {
        cut_tail(path, random);
    }
    let found = inspect(path).expect("what was synced is there");
    let synced = found.synced.unwrap_or_default();
    assert!(found.whole >= synced.length);
    if let Some((length, records)) = last_synced(&output) {
        assert!(synced.length >= length, "{synced:?} against {length}");
        assert!(found.records >= records, "{found:?} against {records}");
        seen.acknowledged += 1;
    }
    assert_eq!(count_records(path), found.records);
    seen.torn += u32::from(found.torn > 0);

    let mut archive = Archive::open(path).unwrap();
    assert_eq!(archive.records(), found.records);
    append(&mut archive).unwrap();
    archive.sync().unwrap();
    drop(archive);
    assert_eq!(verify(path).unwrap().records, found.records + 1);
    assert_eq!(count_records(path), found.records + 1);
}

#[test]
fn a_killed_writer_loses_nothing_that_it_called_synced() {
    // 200 kills at scale 1, 2000 at scale 100 (that of a soak).
    let kills = 200 + (2_000 - 200) * (scale() as u32 - 1) / 99;
    let limit = Duration::from_secs(u64::from(kills));
    let seed = seed::printed();
    let seen = within(limit, move || {
        let mut random = Random::new(seed);
        let mut seen = Seen::default();
        let memory = Path::new("/dev/shm");
        for round in 0..kills.div_ceil(KILLS_AN_ARCHIVE) {
            // On a disk and in memory by turns: flushes take longer here, and
            // are more frequent there.
            let folder = match round % 2 == 1 && memory.is_dir() {
                true => tempfile::tempdir_in(memory),
                false => tempfile::tempdir(),
            }
            .unwrap();
            let path: PathBuf = folder.path().join("killed.itch50");
            for _ in 0..KILLS_AN_ARCHIVE.min(kills - seen.kills) {
                kill_once(&path, &mut random, &mut seen);
            }
        }
        seen
    });
    println!("{seen:?}\ncases: {kills}");
    assert_eq!(seen.kills, kills);
    assert!(
        seen.acknowledged > kills / 4,
        "{seen:?}: nothing was tested"
    );
    assert!(seen.torn > kills / 20, "{seen:?}: tails were not torn");
}

/// What the gateway plays.
const PLAN: SessionPlan = SessionPlan {
    messages: 200_000,
    seed: 3,
};

/// Starts the gateway, and kills it after it has begun to archive. Returns how
/// much of the archive that it was at is synced.
fn kill_gateway(folder: &Path, feed: &[u8], random: &mut Random) -> u64 {
    let mut gateway = Command::new(env!("CARGO_BIN_EXE_nexus-gateway"))
        .args(["--messages", &PLAN.messages.to_string()])
        .args(["--seed", &PLAN.seed.to_string()])
        .args(["--sync", "5", "--archive"])
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let [unpaced, paced] = ["unpaced", "paced"].map(|name| folder.join(format!("{name}.itch50")));
    while !unpaced.exists() && gateway.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_micros(random.below(500_000)));
    gateway.kill().unwrap();
    let output = gateway.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(9), "{output:?}");
    let synced = begins(&unpaced, feed);
    // The second is begun when the first is whole.
    if !paced.exists() {
        return synced;
    }
    assert_eq!(synced, feed.len() as u64);
    begins(&paced, feed)
}

/// Checks that an archive opens, as a beginning of `feed` that is no shorter than
/// what was synced; returns that length.
fn begins(path: &Path, feed: &[u8]) -> u64 {
    let found = inspect(path).expect("what was synced is there");
    let synced = found.synced.unwrap_or_default().length;
    let archive = Archive::open(path).unwrap();
    assert_eq!(archive.records(), found.records);
    drop(archive);
    let kept = std::fs::read(path).unwrap();
    assert!(kept.len() as u64 >= synced, "{found:?}");
    assert!(feed.starts_with(&kept), "{found:?}: another feed");
    synced
}

#[test]
fn a_killed_gateway_leaves_a_beginning_of_its_feed() {
    let kills = (10 * scale() as u32).min(100);
    let seed = seed::printed();
    let (amounts, whole) = within(Duration::from_secs(60 + 10 * u64::from(kills)), move || {
        let mut random = Random::new(seed);
        let feed = session(PLAN);
        let mut kill = || {
            let folder = tempfile::tempdir().unwrap();
            kill_gateway(&folder.path().join("archive"), &feed, &mut random)
        };
        let amounts: Vec<u64> = (0..kills).map(|_| kill()).collect();
        (amounts, feed.len() as u64)
    });
    println!("synced: {amounts:?} of {whole}\ncases: {kills}");
    let midway = amounts.iter().filter(|n| (1..whole).contains(*n));
    assert!(midway.count() > 0, "{amounts:?}: nothing was tested");
}
