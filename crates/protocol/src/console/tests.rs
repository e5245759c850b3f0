//! Properties of the console's framing: what is sent arrives, however the
//! stream is cut, and no stream does harm.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Sent {
    Data(Vec<u8>),
    Resize(Size),
}

fn sent() -> impl Strategy<Value = Vec<Sent>> {
    let message = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Sent::Data),
        (any::<u16>(), any::<u16>())
            .prop_map(|(columns, rows)| Sent::Resize(Size { columns, rows })),
    ];
    prop::collection::vec(message, 0..20)
}

/// Typed bytes, with each resize at the place where it came.
type Heard = (Vec<u8>, Vec<(usize, Size)>);

fn said(messages: &[Sent]) -> (Vec<u8>, Heard) {
    let (mut wire, mut data, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    for message in messages {
        match message {
            Sent::Data(bytes) => {
                wire.extend(data_header(u16::try_from(bytes.len()).unwrap()));
                wire.extend(bytes);
                data.extend(bytes);
            }
            Sent::Resize(size) => {
                wire.extend(resize(*size));
                sizes.push((data.len(), *size));
            }
        }
    }
    (wire, (data, sizes))
}

fn hear(wire: &[u8], piece: usize) -> Result<Heard, Malformed> {
    let (mut data, mut sizes) = (Vec::new(), Vec::new());
    let mut decoder = Decoder::default();
    for mut input in wire.chunks(piece) {
        while let Some(message) = decoder.next(&mut input)? {
            match message {
                Message::Data(bytes) => data.extend(bytes),
                Message::Resize(size) => sizes.push((data.len(), size)),
            }
        }
        assert!(input.is_empty(), "all of a piece is used up");
    }
    Ok((data, sizes))
}

proptest! {
    #[test]
    fn what_is_sent_arrives_in_pieces_of_any_size(messages in sent(), piece in 1usize..500) {
        let (wire, meant) = said(&messages);
        prop_assert_eq!(hear(&wire, piece), Ok(meant));
    }

    #[test]
    fn no_stream_yields_more_than_it_held(
        wire in prop::collection::vec(any::<u8>(), 0..2000),
        piece in 1usize..100,
    ) {
        if let Ok((data, sizes)) = hear(&wire, piece) {
            prop_assert!(data.len() + sizes.len() * RESIZE <= wire.len());
        }
    }

    #[test]
    fn streams_that_start_well_do_no_harm_either(
        messages in sent(),
        tail in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let (mut wire, (data, _)) = said(&messages);
        wire.extend(tail);
        if let Ok((heard, _)) = hear(&wire, 7) {
            prop_assert!(heard.starts_with(&data));
        }
    }
}

#[test]
fn a_stream_that_cannot_be_understood_is_refused_in_words() {
    let error = hear(b"d\0\x01ax", 64).unwrap_err();
    assert_eq!(error.to_string(), "no console message is of kind 120");
    let error = hear(b"w\0\x09", 64).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a console resize has 4 bytes, this one 9"
    );
}
