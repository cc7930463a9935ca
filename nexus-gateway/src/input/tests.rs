use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use nexus_itch::mold::Builder;
use nexus_itch::session::SessionName;
use proptest::prelude::*;

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

fn all(input: &Input) -> Vec<u8> {
    let Frames::Spooled(spool) = &input.frames else {
        panic!("it was not unpacked");
    };
    let mut bytes = Vec::new();
    spool.reader(0).read_to_end(&mut bytes).unwrap();
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

/// Frames that no compressor makes nothing of.
fn frames() -> Vec<u8> {
    crate::feed::session(crate::feed::SessionPlan {
        messages: 20_000,
        seed: 1,
    })
}

#[test]
fn packed_inputs_are_unpacked_whatever_they_are_called() {
    let plain = frames();
    let (one, other) = plain.split_at(plain.len() / 3);
    let skippable = [
        &[0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..],
        b"abc",
        &zstd(&plain),
    ]
    .concat();
    for packed in [
        gzip(&plain),
        [gzip(one), gzip(other)].concat(),
        zstd(&plain),
        [zstd(one), zstd(other)].concat(),
        skippable,
        gzip(&zstd(&gzip(&zstd(&plain)))),
    ] {
        let input = open(file(&packed).path(), &[]).unwrap();
        assert!(all(&input) == plain);
        assert!(input.cut.is_none() && input.capture.is_none());
    }
    let input = open(file(&plain).path(), &[]).unwrap();
    assert!(matches!(input.frames, Frames::InPlace));
}

#[test]
fn what_is_cut_is_unpacked_up_to_there() {
    let plain = frames();
    for (name, packed) in [("gzip", gzip(&plain)), ("zstd", zstd(&plain))] {
        let input = open(file(&packed[..packed.len() * 2 / 3]).path(), &[]).unwrap();
        let found = all(&input);
        assert!(plain.starts_with(&found) && found.len() > plain.len() / 3);
        let error = input.cut.unwrap().to_string();
        let behind = format!("{name} stream, behind {} unpacked bytes: ", found.len());
        assert!(error.starts_with(&behind), "{error}");
    }
    let mut packed = gzip(&plain);
    let middle = packed.len() / 2;
    packed[middle..middle + 50].fill(0xaa);
    assert!(open(file(&packed).path(), &[]).unwrap().cut.is_some());
}

#[test]
fn what_cannot_be_an_input_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(folder.path(), &[]).unwrap_err().to_string();
    assert!(error.ends_with(" is a folder"), "{error}");
    let missing = folder.path().join("missing");
    let error = open(&missing, &[]).unwrap_err().to_string();
    assert!(error.contains("missing: No such file"), "{error}");
    let nested = (0..5).fold(frames(), |bytes, _| gzip(&bytes));
    let error = open(file(&nested).path(), &[]).unwrap_err().to_string();
    assert!(error.ends_with("packed more than 4 times"), "{error}");
}

/// A capture of Ethernet with a datagram a packet.
fn captured(datagrams: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    bytes.extend([0; 8]);
    bytes.extend(65_535_u32.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    for (port, payload) in datagrams {
        let header = etherparse::PacketBuilder::ethernet2([2; 6], [1; 6])
            .ipv4([10, 0, 0, 1], [239, 1, 1, 1], 1)
            .udp(7, *port);
        let mut packet = Vec::new();
        header.write(&mut packet, payload).unwrap();
        bytes.extend([0; 8]);
        bytes.extend((packet.len() as u32).to_le_bytes());
        bytes.extend((packet.len() as u32).to_le_bytes());
        bytes.extend(packet);
    }
    bytes
}

fn mold(session: &str, sequence: u64, messages: &[&[u8]]) -> Vec<u8> {
    let session: SessionName = session.parse().unwrap();
    let mut builder = Builder::new(session);
    builder.begin(sequence);
    for message in messages {
        assert!(builder.push(message));
    }
    builder.datagram().to_vec()
}

fn capture_of(datagrams: &[(u16, &[u8])], lines: &[SocketAddr]) -> Result<Input, InputError> {
    open(file(&captured(datagrams)).path(), lines)
}

const A: u16 = 9001;
const B: u16 = 9002;

#[test]
fn what_no_line_has_is_counted_to_the_end_that_was_announced() {
    let mut ends = Builder::new("S".parse().unwrap());
    let end = ends.end(12).to_vec();
    let far = ends.end(u64::MAX - 1).to_vec();
    let input = capture_of(
        &[
            (A, &mold("S", 3, &[b"3", b"4"])),
            (B, &mold("S", 4, &[b"4", b"5"])),
            (A, &mold("S", 8, &[b"8"])),
            (A, b"no packet"),
            (A, &mold("T", 6, &[b"6"])),
            (A, &far),
            (B, &mold("S", u64::MAX / 2, &[b"!"])),
            (B, &mold("S", 8, &[b"x"])),
            (A, &end),
        ],
        &[],
    )
    .unwrap();
    assert_eq!(all(&input), b"\0\x013\0\x014\0\x015\0\x018");
    let capture = input.capture.unwrap();
    assert_eq!(
        (capture.numbers(), capture.lost()),
        (3..12, (5, &[6..8, 9..12][..]))
    );
    let counts = capture.counts();
    assert_eq!((counts.malformed, counts.foreign, counts.others), (3, 1, 0));
    let [a, b] = capture.lines() else {
        panic!("two lines");
    };
    assert_eq!((a.packets, a.first, a.duplicates), (3, 3, 0));
    assert_eq!(
        (b.packets, b.first, b.duplicates, b.different),
        (2, 1, 2, 1)
    );
}

#[test]
fn what_a_heartbeat_says_before_the_first_message_is_not_believed() {
    let mut other = Builder::new("T".parse().unwrap());
    let heartbeat = other.begin(1_000_000).to_vec();
    let line = SocketAddr::from(([239, 1, 1, 1], A));
    let datagrams = [(A, &heartbeat[..]), (A, &mold("S", 1, &[b"1"]))];
    let capture = capture_of(&datagrams, &[line]).unwrap().capture.unwrap();
    assert_eq!((capture.numbers(), capture.lost().0), (1..2, 0));
}

#[test]
fn what_a_window_cannot_hold_is_given_up_and_the_rest_goes_on() {
    let late = 1 + 65_536 + 1;
    let input = capture_of(
        &[
            (A, &mold("S", 1, &[b"1"])),
            (A, &mold("S", 3, &[b"3"])),
            (A, &mold("S", late + 1, &[b"late"])),
            (A, &mold("S", late + 2, &[b"more"])),
        ],
        &[],
    )
    .unwrap();
    assert_eq!(all(&input), b"\0\x011\0\x013\0\x04late\0\x04more");
    let capture = input.capture.unwrap();
    assert_eq!(capture.lost(), (late - 3 + 1, &[2..3, 4..late + 1][..]));
}

#[test]
fn more_feeds_than_lines_are_named_and_lines_are_chosen() {
    let address = |port| SocketAddr::from(([239, 1, 1, 1], port));
    let (one, two, three) = (
        mold("S", 1, &[b"1"]),
        mold("S", 1, &[b"1"]),
        mold("S", 1, &[b"other"]),
    );
    let datagrams = [(A, &one[..]), (B, &two), (9003, &three)];
    let error = capture_of(&datagrams, &[]).unwrap_err().to_string();
    let feeds = "it has feeds to 239.1.1.1:9001, 239.1.1.1:9002, 239.1.1.1:9003; name one";
    assert!(error.contains(feeds), "{error}");
    let input = capture_of(&datagrams, &[address(9003)]).unwrap();
    assert_eq!(all(&input), b"\0\x05other");
    assert_eq!(input.capture.unwrap().counts().others, 2);
    let error = capture_of(&datagrams, &[address(1)])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("with a message to 239.1.1.1:1; 3 packets: "),
        "{error}"
    );
}

proptest! {
    #![proptest_config(nexus_testkit::property::config(256))]

    #[test]
    fn whatever_bytes_come_they_are_read_to_an_end(
        beginning in proptest::sample::select(vec![
            vec![], vec![0x1f, 0x8b, 8], vec![0x28, 0xb5, 0x2f, 0xfd],
            vec![0x0a, 0x0d, 0x0d, 0x0a], vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0],
        ]),
        rest in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes = [beginning, rest].concat();
        // Nothing may panic or hang.
        let _ = open(file(&bytes).path(), &[]);
    }

    #[test]
    fn a_capture_with_bytes_changed_is_read_to_an_end(
        at in 0..10_000_usize,
        by in 1..=255_u8,
        cut in 0..10_000_usize,
    ) {
        for name in ["interfaces.pcapng", "nano_big.pcap"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
            let mut bytes = std::fs::read(path).unwrap();
            let (at, cut) = (at % bytes.len(), cut % bytes.len());
            bytes[at] ^= by;
            bytes.truncate(bytes.len() - cut);
            let _ = open(file(&bytes).path(), &[]);
        }
    }
}
