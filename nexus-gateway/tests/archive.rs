//! The archive after everything that can happen to a file.

use nexus_gateway::archive::{Archive, ArchiveFault, Inspection, inspect, verify};
use nexus_gateway::feed::{Random, SessionPlan, session};
use nexus_itch::binary_file::{FrameReader, MAX_MESSAGE_LEN};
use nexus_testkit::{scaled, seed, within};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A folder in memory where there is one: these tests flush very often, and
/// what they test is not the device.
fn folder() -> tempfile::TempDir {
    match Path::new("/dev/shm").is_dir() {
        true => tempfile::tempdir_in("/dev/shm"),
        false => tempfile::tempdir(),
    }
    .expect("a temporary folder")
}

fn sync_path(path: &Path) -> PathBuf {
    path.with_extension("itch50.sync")
}

/// At least `bytes` bytes of feed, and where its records end.
fn feed(bytes: usize) -> (Vec<u8>, Vec<usize>) {
    let whole = session(SessionPlan {
        messages: bytes as u64 / 20,
        seed: 5,
    });
    assert!(whole.len() >= bytes);
    let mut frames = FrameReader::new(&whole[..]);
    let mut ends = vec![0];
    while frames.next().unwrap().is_some() && frames.offset() <= bytes as u64 {
        ends.push(frames.offset() as usize);
    }
    (whole[..bytes].to_vec(), ends)
}

fn append_all(archive: &mut Archive, bytes: &[u8]) {
    let mut frames = FrameReader::new(bytes);
    while let Some(message) = frames.next().unwrap() {
        archive.append(message).unwrap();
    }
}

/// A delete message, which no session ends with.
fn marker() -> [u8; 19] {
    let mut message = [0x55; 19];
    message[0] = b'D';
    message
}

#[test]
fn what_is_appended_is_the_feed_byte_for_byte_over_any_number_of_openings() {
    let folder = folder();
    let path = folder.path().join("a.itch50");
    let (bytes, ends) = feed(300_000);
    let parts = [0, 1, 100, ends.len() / 2, ends.len() - 1];
    for part in parts.windows(2) {
        let mut archive = Archive::open(&path).unwrap();
        assert_eq!(archive.bytes(), ends[part[0]] as u64);
        append_all(&mut archive, &bytes[ends[part[0]]..ends[part[1]]]);
        assert!(archive.is_dirty());
        let synced = archive.sync().unwrap();
        assert!(!archive.is_dirty());
        assert_eq!(archive.records(), part[1] as u64);
        assert_eq!(synced.crc, crc32c::crc32c(&bytes[..ends[part[1]]]));
        drop(archive);
        let expected = Inspection {
            records: part[1] as u64,
            whole: ends[part[1]] as u64,
            torn: 0,
            crc: synced.crc,
            synced: Some(synced),
        };
        assert_eq!(verify(&path).unwrap(), expected);
    }
    assert_eq!(std::fs::read(&path).unwrap(), bytes[..ends[ends.len() - 1]]);
}

#[test]
fn every_prefix_of_a_file_is_cut_to_its_last_whole_record_and_goes_on() {
    const BYTES: usize = 64 * 1024;
    within(Duration::from_secs(300), || {
        // Every second length each, so that both take equally long.
        let threads = [0, 1].map(|first| {
            std::thread::spawn(move || {
                let folder = folder();
                let path = folder.path().join("a.itch50");
                let (bytes, ends) = feed(BYTES);
                for len in (first..=BYTES).step_by(2) {
                    reopen_prefix(&path, &bytes[..len], &ends);
                }
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// Leaves `prefix` as a crash would, reopens it and appends.
fn reopen_prefix(path: &Path, prefix: &[u8], ends: &[usize]) {
    let whole = ends.partition_point(|&end| end <= prefix.len()) - 1;
    std::fs::write(path, prefix).unwrap();
    // There is none in the first round.
    let _ = std::fs::remove_file(sync_path(path));

    let mut archive = Archive::open(path).unwrap();
    let found = archive.found();
    let torn = (prefix.len() - ends[whole]) as u64;
    assert_eq!((found.records, found.torn), (whole as u64, torn));
    archive.append(&marker()).unwrap();
    archive.sync().unwrap();
    drop(archive);

    let now = std::fs::read(path).unwrap();
    let (kept, appended) = now.split_at(ends[whole]);
    assert!(kept == &prefix[..ends[whole]], "{} bytes", prefix.len());
    assert_eq!(appended, [&[0, 19], &marker()[..]].concat());
}

/// An archive of 64 KiB of which a part is synced.
fn partly_synced(path: &Path) -> (Vec<u8>, Vec<usize>, usize) {
    let (bytes, ends) = feed(64 * 1024);
    let middle = ends[ends.len() / 2];
    let mut archive = Archive::open(path).unwrap();
    append_all(&mut archive, &bytes[..middle]);
    archive.sync().unwrap();
    drop(archive);
    std::fs::write(path, &bytes).unwrap();
    (bytes, ends, middle)
}

#[test]
fn a_prefix_shorter_than_what_was_synced_is_refused_and_left_alone() {
    within(Duration::from_secs(120), || {
        let folder = folder();
        let path = folder.path().join("a.itch50");
        let (bytes, ends, middle) = partly_synced(&path);
        for len in (0..bytes.len()).rev() {
            std::fs::File::options()
                .write(true)
                .open(&path)
                .and_then(|file| file.set_len(len as u64))
                .unwrap();
            match inspect(&path) {
                Ok(found) => {
                    assert!(len >= middle);
                    let whole = ends.partition_point(|&end| end <= len) - 1;
                    assert_eq!(found.records, whole as u64);
                }
                Err(error) => {
                    assert!(len < middle && matches!(error.fault, ArchiveFault::Shorter { .. }));
                    if len % 1000 == 0 {
                        Archive::open(&path).unwrap_err();
                        assert!(std::fs::read(&path).unwrap() == bytes[..len]);
                    }
                }
            }
        }
    });
}

#[test]
fn flipped_bits_never_panic_and_never_pass_as_synced() {
    let (rounds, seed) = (scaled(2_000) as u32, seed::printed());
    within(
        Duration::from_secs(60 + u64::from(rounds) / 100),
        move || {
            let folder = folder();
            let path = folder.path().join("a.itch50");
            let (bytes, ends, middle) = partly_synced(&path);
            let sync = std::fs::read(sync_path(&path)).unwrap();
            let mut random = Random::new(seed);
            for round in 0..rounds {
                let mut flipped = bytes.clone();
                let mut first = usize::MAX;
                for _ in 0..=random.below(3) {
                    let at = random.below(bytes.len() as u64) as usize;
                    flipped[at] ^= 1 << random.below(8);
                    first = first.min(at);
                }
                std::fs::write(&path, &flipped).unwrap();
                match inspect(&path) {
                    Ok(found) => {
                        assert!(first >= middle || flipped[..middle] == bytes[..middle]);
                        // Whatever lies before the first flip is still read.
                        let before = ends.partition_point(|&end| end <= first) - 1;
                        assert!(found.records >= before as u64, "round {round}");
                    }
                    Err(error) => {
                        assert!(first < middle, "round {round}: {error}");
                        assert!(error.to_string().len() > 20);
                    }
                }
            }
            std::fs::write(&path, &bytes).unwrap();
            for _ in 0..rounds {
                let mut flipped = sync.clone();
                let at = random.below(sync.len() as u64) as usize;
                flipped[at] ^= 1 << random.below(8);
                std::fs::write(sync_path(&path), &flipped).unwrap();
                match inspect(&path) {
                    Ok(found) => {
                        let claimed = found.synced.unwrap().length as usize;
                        assert!(claimed == middle || claimed == 0);
                    }
                    Err(error) => assert!(matches!(error.fault, ArchiveFault::SyncDamaged)),
                }
            }
        },
    );
}

#[test]
fn a_changed_record_is_refused_and_left_alone() {
    let folder = folder();
    let path = folder.path().join("a.itch50");
    let (bytes, ends, middle) = partly_synced(&path);
    let mut changed = bytes.clone();
    changed[ends[3] + 5] ^= 1;
    std::fs::write(&path, &changed).unwrap();
    let error = Archive::open(&path).unwrap_err();
    assert!(
        matches!(error.fault, ArchiveFault::Changed { .. }),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains(&format!("the first {middle} bytes"))
    );

    changed[ends[3]] = 0xff;
    std::fs::write(&path, &changed).unwrap();
    let error = Archive::open(&path).unwrap_err();
    let expected = format!("no record ends at the {middle} bytes synced");
    assert!(error.to_string().contains(&expected), "{error}");
    assert!(std::fs::read(&path).unwrap() == changed);
}

#[test]
fn an_unfinished_archive_does_not_verify() {
    let folder = folder();
    let path = folder.path().join("a.itch50");
    let (bytes, _, middle) = partly_synced(&path);
    let error = verify(&path).unwrap_err().to_string();
    let expected = format!("{} bytes, of which {middle} are synced", bytes.len());
    assert!(error.ends_with(&expected), "{error}");
}

#[test]
fn messages_are_opaque_to_an_archive() {
    let folder = folder();
    let path = folder.path().join("a.itch50");
    let mut archive = Archive::open(&path).unwrap();
    let long = vec![b'z'; MAX_MESSAGE_LEN];
    let messages = [&marker()[..], b"z", b"D123", &long];
    for message in messages {
        archive.append(message).unwrap();
    }
    let error = archive.append(&[0; MAX_MESSAGE_LEN + 1]).unwrap_err();
    let expected = "cannot append a message of 65536 bytes, the limit is 65535";
    assert!(error.to_string().ends_with(expected), "{error}");
    archive.sync().unwrap();
    drop(archive);
    assert_eq!(verify(&path).unwrap().records, 4);
    let bytes = std::fs::read(&path).unwrap();
    let mut frames = FrameReader::new(&bytes[..]);
    for message in messages {
        assert!(frames.next().unwrap() == Some(message));
    }
    assert!(frames.next().unwrap().is_none());
}

#[test]
fn an_empty_message_is_one_below_the_synced_length_and_an_end_behind_it() {
    let folder = folder();
    let path = folder.path().join("a.itch50");
    let mut archive = Archive::open(&path).unwrap();
    for message in [&marker()[..], b"", &marker()] {
        archive.append(message).unwrap();
    }
    let synced = archive.sync().unwrap();
    drop(archive);
    assert_eq!(verify(&path).unwrap().records, 3);

    // What a process leaves that is killed before the next sync.
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    let frame = [&[0, marker().len() as u8][..], &marker()].concat();
    file.write_all(&[&frame[..], b"\0\0", &frame].concat())
        .unwrap();
    drop(file);
    let archive = Archive::open(&path).unwrap();
    assert_eq!((archive.found().records, archive.records()), (4, 4));
    assert_eq!(archive.bytes(), synced.length + frame.len() as u64);
}

#[test]
fn behind_the_synced_length_only_messages_of_itch_count() {
    let folder = folder();
    let path = folder.path().join("a.itch50");
    let mut archive = Archive::open(&path).unwrap();
    archive.append(b"z is known to nobody").unwrap();
    let synced = archive.sync().unwrap();
    drop(archive);
    // After a loss of power, anything may lie there.
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"\0\x04junk").unwrap();
    drop(file);
    let archive = Archive::open(&path).unwrap();
    assert_eq!((archive.bytes(), archive.found().torn), (synced.length, 6));
    drop(archive);

    // Without a sync file, every whole record counts: nothing is cut.
    let other = folder.path().join("b.itch50");
    std::fs::write(&other, b"\0\x04junk\0\x01z").unwrap();
    assert_eq!(Archive::open(&other).unwrap().records(), 2);
}

#[test]
fn an_archive_has_one_writer_and_is_a_file() {
    let folder = folder();
    let path = folder.path().join("a.itch50");
    let first = Archive::open(&path).unwrap();
    let second = Archive::open(&path).unwrap_err();
    assert!(matches!(second.fault, ArchiveFault::InUse));
    drop(first);
    Archive::open(&path).unwrap();

    let device = folder.path().join("b.itch50");
    std::os::unix::fs::symlink("/dev/zero", &device).unwrap();
    let error = Archive::open(&device).unwrap_err();
    assert!(matches!(error.fault, ArchiveFault::NotAFile), "{error}");
    let missing = Archive::open(&folder.path().join("none/c.itch50")).unwrap_err();
    assert!(missing.to_string().contains("cannot open it: "));
}
