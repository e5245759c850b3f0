//! Words and messages about traffic, back and forth.

use super::*;

const COUNTS: Counts = Counts {
    received_bytes: 1520,
    received_packets: 12,
    sent_bytes: 900,
    sent_packets: 8,
};
const DUE: Stamp = Stamp {
    seconds: 1_764_547_200,
    nanos: 0,
};

#[test]
fn what_is_told_to_the_shim_is_read_as_written() {
    let mut metered = Metered::new([7, 12], COUNTS, DUE);
    let text = "links 7 12\nbefore 1520 12 900 8\ndue 1764547200.000000000\n";
    assert_eq!(metered.to_string(), text);
    assert_eq!(text.parse(), Ok(metered));
    metered.most = Some(u64::MAX);
    assert_eq!(metered.to_string().parse(), Ok(metered));
    let none = Metered::new([], Counts::default(), DUE);
    assert_eq!(none.to_string().parse(), Ok(none));
    assert_eq!(none.links(), [0; 0]);
    for text in [
        "",
        "links 7\n",
        "before 1 2 3\ndue 1.0\n",
        "before 1 2 3 4\ndue x\n",
    ] {
        assert_eq!(text.parse::<Metered>(), Err(NotTraffic), "{text:?}");
    }
    let wrong = "before 0 0 0 0\nmost -1\ndue 1.000000000\n";
    assert_eq!(wrong.parse::<Metered>(), Err(NotTraffic));
}

#[test]
fn the_longest_file_fits() {
    let most = Counts {
        received_bytes: u64::MAX,
        received_packets: u64::MAX,
        sent_bytes: u64::MAX,
        sent_packets: u64::MAX,
    };
    let mut metered = Metered::new([u32::MAX; 100], most, DUE);
    metered.most = Some(u64::MAX);
    assert_eq!(metered.links().len(), MOST_LINKS);
    assert!(metered.to_string().len() < LONGEST);
}

#[test]
fn counts_add_up_and_never_go_below_nothing() {
    assert_eq!(COUNTS.to_string(), "1520 12 900 8");
    assert_eq!("1520 12 900 8\n".parse(), Ok(COUNTS));
    for text in ["", "1 2 3", "1 2 3 4 5", "1 2 3 x"] {
        assert_eq!(text.parse::<Counts>(), Err(NotTraffic), "{text:?}");
    }
    assert_eq!(COUNTS.bytes(), 2420);
    assert_eq!(COUNTS.plus(COUNTS).since(COUNTS), COUNTS);
    assert_eq!(COUNTS.since(COUNTS.plus(COUNTS)), Counts::default());
}

#[cfg(target_endian = "little")]
#[test]
fn a_question_is_what_the_kernel_reads() {
    let mut expected = vec![28, 0, 0, 0, 94, 0, 1, 0];
    expected.extend(5_u32.to_le_bytes());
    expected.extend([0; 8]);
    expected.extend(7_u32.to_le_bytes());
    expected.extend(1_u32.to_le_bytes());
    assert_eq!(question(7, 5).to_vec(), expected);
}

#[test]
fn an_answer_is_turned_round_and_one_to_another_question_is_none() {
    let mut message = question(7, 5).to_vec();
    message[4..6].copy_from_slice(&RTM_NEWSTATS.to_ne_bytes());
    message.extend(204_u16.to_ne_bytes());
    message.extend(LINK_64.to_ne_bytes());
    for number in [8_u64, 12, 900, 1520, 3, 4] {
        message.extend(number.to_ne_bytes());
    }
    assert_eq!(answer(&message, 5), Some(COUNTS));
    assert_eq!(answer(&message, 6), None);
    for length in 0..QUESTION + 4 + 32 {
        assert_eq!(answer(&message[..length], 5), None, "{length}");
    }
    message[4] = 2;
    assert_eq!(answer(&message, 5), None, "an errno");
}
