//! No text, however broken, makes the readers panic, and every refusal is lines
//! that each name the file.

use std::path::Path;

use proptest::prelude::*;

use crate::{ConfigError, HostConfig, VeConfig, file};

const SEED: &str = r#"version = 1
uuid = "01234567-89ab-4def-8123-456789abcdef"
template = "debian-12"
hostname = "web1"
init = "/sbin/init"
[resources]
ram = "512M"
cpulimit = 150
[network]
ip = ["10.117.0.2", "fd76:656c:64::2"]
"#;

/// Reads `text` as both kinds of file; what refuses it says so in lines.
fn read(text: &str) -> Result<(), TestCaseError> {
    let file = Path::new("/x");
    let refusals: [Option<ConfigError>; 2] = [
        VeConfig::parse(file, text).err(),
        HostConfig::parse(file, text).err(),
    ];
    for refusal in refusals.into_iter().flatten() {
        let problems = refusal.problems().len();
        let said = refusal.to_string();
        prop_assert!(problems > 0);
        prop_assert_eq!(said.lines().count(), problems, "{}", said);
        prop_assert!(said.lines().all(|line| line.starts_with("/x:")), "{}", said);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}", lines in "([a-z\"'.=\\[\\]{}#,0-9 \\n\\r\\t\\\\-]){0,200}") {
        read(&text)?;
        read(&lines)?;
    }

    #[test]
    fn a_damaged_config_is_read_or_refused(at in 0..SEED.len(), cut in 0..40_usize, put in "(.|\\n){0,12}") {
        let end = (at + cut).min(SEED.len());
        read(&format!("{}{put}{}", &SEED[..at], &SEED[end..]))?;
    }

    #[test]
    fn any_bytes_of_a_file_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        veld_durable::replace(&path, &bytes, veld_durable::Life::Volatile).unwrap();
        match file::read(&path) {
            Ok(text) => prop_assert_eq!(text.as_bytes(), &bytes[..]),
            Err(error) => prop_assert_eq!(error.problems().len(), 1),
        }
        prop_assert!(VeConfig::load(&path).is_err());
    }
}

#[test]
fn depth_and_bulk_are_refused_in_time() {
    let deep = format!("uuid = {}", "[".repeat(1 << 20));
    let tables: String = (0..40_000).map(|n| format!("[t{n}]\n")).collect();
    let dots = format!("{}a = 1", "a.".repeat(1 << 18));
    let long = format!("{} = 1", "r".repeat(1 << 20));
    let elements = format!("network.dns = [{}]", "\"::1\",".repeat(1 << 17));
    for text in [deep, tables, dots, long, elements] {
        let before = std::time::Instant::now();
        let error = VeConfig::parse(Path::new("/x"), &text).unwrap_err();
        assert!(error.problems().len() <= 101);
        assert!(error.to_string().len() < 100_000);
        assert!(before.elapsed() < std::time::Duration::from_secs(20));
    }
}
