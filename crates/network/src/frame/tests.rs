//! What frames say, and what is no claim.

use super::*;

const OWN: Mac = [0x02, 0, 0, 0, 0, 0x05];
const OTHER: Mac = [0x02, 0, 0, 0, 0, 0x06];

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_question_is_asked_by_nobody() {
    let frame = question(OWN, address("192.0.2.7"));
    let expected = [
        &[0xff; 6][..],
        &OWN,
        &[0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1],
        &OWN,
        &[0, 0, 0, 0],
        &[0; 6],
        &[192, 0, 2, 7],
    ];
    assert_eq!(frame, expected.concat());
    let frame = question(OWN, address("2001:db8::1:2:3"));
    assert_eq!(frame[..6], [0x33, 0x33, 0xff, 0x02, 0x00, 0x03]);
    assert_eq!(frame[at::IPV6_SOURCE..][..16], [0; 16]);
    assert_eq!(frame[21], 255, "hop limit");
    assert_eq!(frame.len(), 14 + 40 + 24);
}

/// What a receiver does: over a right message the sum is all ones.
#[test]
fn checksums_are_those_that_receivers_want() {
    let question = question(OWN, address("fd98::7"));
    let announcement = announcement(OWN, address("fd98::7"));
    for frame in announcement.iter().chain([&question]) {
        let source = Ipv6Addr::from(field::<16>(frame, at::IPV6_SOURCE).unwrap());
        let to = Ipv6Addr::from(field::<16>(frame, 38).unwrap());
        let body = &frame[at::ICMPV6_TYPE..];
        let length = u16::try_from(body.len()).unwrap();
        assert_eq!(checksum(source, to, length, body), 0, "{frame:02x?}");
    }
}

#[test]
fn who_has_or_wants_the_address_is_a_rival() {
    for text in ["192.0.2.7", "2001:db8::7"] {
        let (it, elsewhere) = (address(text), address(&text.replace('7', "8")));
        let mut frames = announcement(OTHER, it);
        frames.push(question(OTHER, it));
        for frame in frames {
            assert_eq!(rival(&frame, OWN, it), Some(OTHER), "{frame:02x?}");
            assert_eq!(rival(&frame, OWN, elsewhere), None, "{frame:02x?}");
            assert_eq!(rival(&frame, OTHER, it), None, "one's own: {frame:02x?}");
            for length in 0..frame.len().min(at::ND_TARGET) {
                if text.contains(':') || length < 42 {
                    assert_eq!(rival(&frame[..length], OWN, it), None, "{length} bytes");
                }
            }
        }
    }
}

#[test]
fn who_only_asks_for_the_address_is_none() {
    let (it, asker) = (Ipv4Addr::new(192, 0, 2, 7), Ipv4Addr::new(192, 0, 2, 9));
    let frame = neighbours_question(OTHER, asker, it);
    assert_eq!(rival(&frame, OWN, it.into()), None);
    let it: Ipv6Addr = "2001:db8::7".parse().unwrap();
    let asker = "2001:db8::9".parse().unwrap();
    let mut body = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
    body.extend(it.octets());
    let frame = icmpv6(OTHER, asker, solicited_node(it), body);
    assert_eq!(rival(&frame, OWN, it.into()), None);
}
