//! What a script is told: exit codes, and what `verify` says of archives.

use super::{Bench, SMALL, gateway};
use nexus_gateway::feed::session;
use std::fs;
use std::path::Path;

#[test]
fn exit_codes_say_what_a_script_has_to_know() {
    let code = |arguments: &[&str]| gateway(arguments).code;
    assert_eq!(code(&["--help"]), Some(0));
    assert_eq!(code(&["--speed"]), Some(2));
    assert_eq!(code(&["--messages", "21"]), Some(2));
    assert_eq!(code(&["--input", "/nowhere/at.all"]), Some(3));
    assert_eq!(code(&["verify", "/nowhere/at.all"]), Some(3));
    assert_eq!(
        code(&["publish", "--listen", "nowhere.invalid:1"]),
        Some(1),
        "an address that cannot be used"
    );
    assert_eq!(
        code(&["receive", "--connect", "127.0.0.1:1", "--give-up", "1"]),
        Some(4)
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    assert_eq!(code(&["replay", "--archive", path]), Some(5));
    // Damaged, and played up to there.
    let bench = Bench::new();
    let bytes = session(SMALL);
    assert_eq!(bench.play(&bytes[..bytes.len() - 1], &[]).code, Some(3));
}

#[test]
fn an_archive_is_verified_and_never_written() {
    let bench = Bench::new();
    let bytes = session(SMALL);
    bench.play(&bytes, &[]).good();
    let folder = bench.path("archive");
    let unpaced = bench.archive("unpaced");
    let verify = |path: &Path| gateway(&["verify".as_ref(), path.as_os_str()]);
    let all = || {
        let files = fs::read_dir(&folder)
            .unwrap()
            .map(|file| file.unwrap().path());
        let mut all: Vec<_> = files.map(|file| (fs::read(&file).unwrap(), file)).collect();
        all.sort();
        all
    };
    let before = all();
    let ran = verify(&folder).good();
    let sure = format!("SURE     {}: 5,000 records, {} bytes", unpaced.display(), {
        let mut text = bytes.len().to_string();
        text.insert(text.len() - 3, ',');
        text
    });
    ran.shows(&sure);
    assert_eq!(ran.stdout.matches("SURE ").count(), 2, "{}", ran.stdout);
    assert!(before == all());

    // More than is known to be on disk, and a torn record.
    let mut longer = bytes.clone();
    longer.extend_from_slice(b"\0\x0cS0123456789ab\0");
    fs::write(&unpaced, &longer).unwrap();
    let ran = verify(&unpaced).good();
    ran.shows("PARTLY   ");
    ran.shows(" bytes are synced, 14 whole behind them, 2 torn\n");

    // Less than that, and no sync file.
    fs::write(&unpaced, &bytes[..100]).unwrap();
    let ran = verify(&folder);
    assert_eq!(
        (ran.code, ran.error()),
        (Some(5), "1 of 2 archives are damaged")
    );
    ran.shows("DAMAGED  archive ");
    fs::remove_file(folder.join("unpaced.itch50.sync")).unwrap();
    verify(&unpaced).good().shows("UNSURE   ");
    assert_eq!(fs::read(&unpaced).unwrap().len(), 100);
    assert!(!folder.join("unpaced.itch50.sync").exists());
    let empty = tempfile::tempdir().unwrap();
    assert!(
        verify(empty.path())
            .error()
            .ends_with("no file of it ends in .itch50")
    );
}
