//! Every form that is read, every text that refuses, and that what is written
//! reads back.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use proptest::prelude::*;

use super::*;

fn refusal<T: FromStr<Err = Error> + Debug>(text: &str) -> String {
    text.parse::<T>().unwrap_err().to_string()
}

fn reads_back<T: FromStr<Err = Error> + Display + PartialEq + Debug>(value: T) {
    assert_eq!(value.to_string().parse::<T>().as_ref(), Ok(&value));
}

#[test]
fn sizes_are_read_in_every_spelling() {
    let table = [
        ("0", 0),
        ("1073741824", 1 << 30),
        ("1b", 1),
        ("512M", 512 << 20),
        ("512m", 512 << 20),
        ("512MB", 512 << 20),
        ("512MiB", 512 << 20),
        ("512mib", 512 << 20),
        ("4K", 4096),
        ("4kb", 4096),
        ("2G", 2 << 30),
        ("1T", 1 << 40),
        ("1TiB", 1 << 40),
        ("128P", 128 * 4096),
        ("128p", 128 * 4096),
        ("1.5G", 3 << 29),
        ("1.5P", 6144),
        ("0.3K", 307),
        ("007K", 7168),
        ("9007199254740988K", Bytes::MAX.get()),
    ];
    for (text, bytes) in table {
        assert_eq!(text.parse::<Bytes>().map(Bytes::get), Ok(bytes), "{text}");
    }
}

#[test]
fn a_refused_size_says_what_is_allowed() {
    assert_eq!(
        refusal::<Bytes>("12Q"),
        "\"12Q\" is not a size: allowed is a number with K, M, G, T or P (pages)"
    );
    let malformed = [
        "",
        " 5",
        "5 ",
        "5 M",
        "-1",
        "+1",
        "1e9",
        "M",
        ".5G",
        "1.G",
        "1..5G",
        "1.5",
        "1.5B",
        "PB",
        "1PB",
        "1PiB",
        "1E",
        "0x10",
        "1_000",
        "1,5G",
        "٣M",
        "1.0000000000001G",
        "5M\n",
        "∞",
    ];
    for text in malformed {
        assert!(
            matches!(text.parse::<Bytes>(), Err(Error::Malformed { .. })),
            "{text:?}"
        );
    }
    assert_eq!(
        refusal::<Bytes>("8388608T"),
        "\"8388608T\" is out of range: allowed is less than 8388608T"
    );
    let huge = "9".repeat(60);
    assert_eq!(
        refusal::<Bytes>(&format!("{huge}G")),
        format!("\"{huge}G\" is out of range: allowed is less than 8388608T")
    );
}

#[test]
fn a_size_for_people_has_a_rounded_one_beside_a_long_number() {
    for (bytes, text) in [
        (0, "0"),
        (9999, "9999"),
        (10_000, "10000 (9.7K)"),
        (512 << 20, "512M"),
        (208_236_544, "203356K (198.5M)"),
        (207_843_329, "207843329 (198.2M)"),
        (Bytes::MAX.get(), "9007199254740988K (8388607.9T)"),
    ] {
        assert_eq!(format!("{:#}", Bytes::new(bytes)), text);
    }
}

#[test]
fn sizes_are_written_with_the_largest_unit_that_fits() {
    let table = [
        (0, "0"),
        (1000, "1000"),
        (1536 << 20, "1536M"),
        (512 << 20, "512M"),
        (1 << 40, "1T"),
        (1 << 50, "1024T"),
        (6144, "6K"),
    ];
    for (bytes, text) in table {
        assert_eq!(Bytes::new(bytes).to_string(), text);
    }
    assert_eq!(Bytes::mib(4).to_string(), "4M");
    assert_eq!(Bytes::new(u64::MAX), Bytes::MAX);
}

#[test]
fn per_cent_are_whole_and_of_one_cpu() {
    assert_eq!("150%".parse().map(Percent::get), Ok(150));
    assert_eq!("150".parse().map(Percent::get), Ok(150));
    assert_eq!(Percent::new(0), None);
    assert_eq!(Percent::new(819_201), None);
    for text in ["", "%", "12.5%", "-5%", "150 %", "150%%"] {
        assert_eq!(
            refusal::<Percent>(text),
            format!(
                "{text:?} is not a share of CPU time: \
                 allowed is a whole number with or without %, 100% is one CPU"
            )
        );
    }
    for text in ["0", "0%", "819201%", "99999999999999999999999999"] {
        assert_eq!(
            refusal::<Percent>(text),
            format!("\"{text}\" is out of range: allowed is 1% to 819200%, 100% is one CPU")
        );
    }
}

#[test]
fn units_map_to_both_scales_of_the_kernel() {
    let table = [
        (1, 1, 2),
        (10, 1, 10),
        (500, 50, 512),
        (1000, 100, 1024),
        (2000, 200, 2048),
        (100_000, 10_000, 102_400),
        (500_000, 10_000, 262_144),
    ];
    for (units, weight, shares) in table {
        let units = CpuUnits::new(units).unwrap();
        assert_eq!((units.weight(), units.shares()), (weight, shares));
    }
    assert_eq!(CpuUnits::default().to_string(), "1000");
    assert_eq!(
        refusal::<CpuUnits>("many"),
        "\"many\" is not a CPU weight: allowed is 1 to 500000"
    );
    for text in ["0", "500001"] {
        assert_eq!(
            refusal::<CpuUnits>(text),
            format!("\"{text}\" is out of range: allowed is 1 to 500000")
        );
    }
}

#[test]
fn counts_are_at_least_one() {
    assert_eq!("500".parse().map(Count::get), Ok(500));
    assert_eq!(
        refusal::<Count>("0"),
        "\"0\" is out of range: allowed is 1 to 4294967295"
    );
    assert_eq!(
        refusal::<Count>("1k"),
        "\"1k\" is not a whole number: allowed is 1 to 4294967295"
    );
    let few = Count::parse_between("3", 8, 100, "8 to 100").unwrap_err();
    assert_eq!(
        few.to_string(),
        "\"3\" is out of range: allowed is 8 to 100"
    );
}

#[test]
fn durations_are_read_in_order_of_their_units() {
    let table = [
        ("0", 0),
        ("30", 30),
        ("30s", 30),
        ("5m", 300),
        ("90m", 5400),
        ("1h30m", 5400),
        ("1h5s", 3605),
        ("1d2h3m4s", 93_784),
        ("365d", 31_536_000),
    ];
    for (text, seconds) in table {
        assert_eq!(text.parse().map(Timespan::as_secs), Ok(seconds), "{text}");
    }
    for text in [
        "", "s", "5M", "1.5h", "30m1h", "1h1h", "5 m", "-5", "1w", "5m3",
    ] {
        assert_eq!(
            refusal::<Timespan>(text),
            format!(
                "{text:?} is not a duration: \
                 allowed is seconds, or a number with s, m, h or d, as 1h30m"
            )
        );
    }
    assert_eq!(
        refusal::<Timespan>("366d"),
        "\"366d\" is out of range: allowed is up to 365d"
    );
    let minute = Timespan::seconds(60);
    assert_eq!(minute.duration(), std::time::Duration::from_mins(1));
    assert_eq!(Timespan::seconds(0).to_string(), "0s");
    assert_eq!(Timespan::seconds(5400).to_string(), "1h30m");
}

#[test]
fn a_barrier_is_at_most_the_limit() {
    let pair: BarrierLimit = "400M:512M".parse().unwrap();
    assert_eq!(pair.barrier(), Bytes::mib(400));
    assert_eq!(pair.limit(), Bytes::mib(512));
    assert_eq!("1G".parse::<BarrierLimit>().unwrap().to_string(), "1G");
    assert_eq!(
        refusal::<BarrierLimit>("2G:1G"),
        "\"2G:1G\" is out of range: allowed is a barrier of at most the limit"
    );
    assert_eq!(
        refusal::<BarrierLimit>("1G:"),
        "\"\" is not a size: allowed is a number with K, M, G, T or P (pages)"
    );
}

#[test]
fn a_quoted_value_stays_on_its_line() {
    assert_eq!(Quoted("a\nb\u{1b}[2J").to_string(), r#""a\nb\u{1b}[2J""#);
    let long = "ä".repeat(100);
    assert_eq!(
        Quoted(&long).to_string(),
        format!("\"{}\"…", "ä".repeat(80))
    );
}

proptest! {
    #[test]
    fn what_is_written_reads_back(bytes in 0..=Bytes::MAX.get(), shift in 0..50_u32, small in 1..500_000_u32) {
        reads_back(Bytes::new(bytes));
        reads_back(Bytes::new((bytes >> shift) << shift));
        reads_back(Percent::new(small).unwrap());
        reads_back(CpuUnits::new(small).unwrap());
        reads_back(Count::new(small).unwrap());
        reads_back(Timespan::seconds(small));
        let barrier = Bytes::new(bytes / 2);
        reads_back(BarrierLimit::new(barrier, Bytes::new(bytes)).unwrap());
    }

    #[test]
    fn no_text_panics(text in ".{0,40}", close in "[0-9.:%dhmsKMGTPBbi -]{0,60}") {
        for text in [text, close] {
            let _ = text.parse::<Bytes>();
            let _ = text.parse::<Percent>();
            let _ = text.parse::<CpuUnits>();
            let _ = text.parse::<Count>();
            let _ = text.parse::<Timespan>();
            let _ = text.parse::<BarrierLimit>();
            prop_assert!(!Quoted(&text).to_string().contains('\n'));
        }
    }
}
