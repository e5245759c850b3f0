//! The requests that shape a link, as values.
//!
//! Options of a token bucket, and its size table, are not among the types that we have
//! of netlink: they are written here byte by byte, in the kernel's order.

use netlink_packet_core::{DefaultNla, Emitable};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage};
use netlink_packet_route::tc::{
    TcAction, TcActionAttribute, TcActionGeneric, TcActionMirror, TcActionMirrorOption,
    TcActionOption, TcActionType, TcAttribute, TcFilterU32, TcFilterU32Option, TcHandle, TcMessage,
    TcMirror, TcMirrorActionType, TcOption, TcU32Key, TcU32Selector, TcU32SelectorFlags,
};

use super::bucket::Bucket;

/// Of our queues, so that one of somebody else's is not taken for ours.
const HANDLE: TcHandle = TcHandle {
    major: 0x7665,
    minor: 0,
};
/// `TC_H_CLSACT`, and the hook of it that arriving packets pass first.
const CLSACT: TcHandle = TcHandle {
    major: 0xffff,
    minor: 0xfff1,
};
const INGRESS: TcHandle = TcHandle {
    major: 0xffff,
    minor: 0xfff2,
};
/// The first filter of the first table of u32: with a number of its own, the same
/// request makes it and changes it.
const FIRST_FILTER: TcHandle = TcHandle {
    major: 0x8000,
    minor: 1,
};
/// Priority 1, all protocols (`ETH_P_ALL` in the order of the network).
const FIRST_OF_ALL: u32 = 1 << 16 | 0x0003_u16.to_be() as u32;

/// `struct tc_tbf_qopt`, and what it is too small for.
const TCA_TBF_PARMS: u16 = 1;
const TCA_TBF_RATE64: u16 = 4;
const TCA_TBF_BURST: u16 = 6;
/// `TC_LINKLAYER_ETHERNET`: without one, the kernel wants a table of times.
const ETHERNET: u8 = 1;
const TCA_STAB_BASE: u16 = 1;
/// `struct tc_sizespec`.
const SIZE_TABLE: usize = 24;

/// Makes a link that packets are led through. One queue, as of all links of ours.
pub(super) fn new_ifb(name: &str) -> RouteNetlinkMessage {
    let mut link = LinkMessage::default();
    link.attributes = vec![
        LinkAttribute::IfName(name.to_owned()),
        LinkAttribute::NumTxQueues(1),
        LinkAttribute::NumRxQueues(1),
        LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Ifb)]),
    ];
    RouteNetlinkMessage::NewLink(link)
}

/// Puts a bucket where packets leave a link.
///
/// # Kernel
/// `struct tc_tbf_qopt`: two `struct tc_ratespec`, limit, buffer, mtu. The bucket's
/// size in bytes (Linux 3.13) counts instead of `buffer`, which is in ticks.
pub(super) fn bucket(index: u32, bucket: &Bucket) -> RouteNetlinkMessage {
    // A rate that does not fit is full here and in 64 bits besides.
    let rate = u32::try_from(bucket.rate).unwrap_or(u32::MAX);
    let mut parameters = Vec::new();
    // `struct tc_ratespec`: cell_log, linklayer, overhead, cell_align, mpu, rate.
    parameters.extend([0, ETHERNET, 0, 0, 0, 0, 0, 0]);
    parameters.extend(rate.to_ne_bytes());
    // No peak rate.
    parameters.extend([0; 12]);
    parameters.extend(bucket.queue.to_ne_bytes());
    parameters.extend([0; 8]);
    let mut options = vec![
        option(TCA_TBF_PARMS, parameters),
        option(TCA_TBF_BURST, bucket.burst.to_ne_bytes().to_vec()),
    ];
    if rate == u32::MAX {
        options.push(option(TCA_TBF_RATE64, bucket.rate.to_ne_bytes().to_vec()));
    }
    let mut message = at(index, HANDLE, TcHandle::ROOT);
    message.attributes = vec![
        TcAttribute::Kind("tbf".to_owned()),
        TcAttribute::Stab(plain_sizes()),
        TcAttribute::Options(options),
    ];
    RouteNetlinkMessage::NewQueueDiscipline(message)
}

/// Takes back what [`bucket`] put there.
pub(super) fn no_bucket(index: u32) -> RouteNetlinkMessage {
    RouteNetlinkMessage::DelQueueDiscipline(at(index, HANDLE, TcHandle::ROOT))
}

/// Makes the hook by which arriving packets are led elsewhere.
pub(super) fn hook(index: u32) -> RouteNetlinkMessage {
    let handle = TcHandle {
        major: 0xffff,
        minor: 0,
    };
    let mut message = at(index, handle, CLSACT);
    message.attributes = vec![TcAttribute::Kind("clsact".to_owned())];
    RouteNetlinkMessage::NewQueueDiscipline(message)
}

/// Takes the hook away with all filters of it.
pub(super) fn no_hook(index: u32) -> RouteNetlinkMessage {
    RouteNetlinkMessage::DelQueueDiscipline(at(index, TcHandle::UNSPEC, CLSACT))
}

/// Leads every packet that arrives by link `index` through link `to`.
///
/// By a u32 filter that compares nothing: each kernel with filters has it.
pub(super) fn redirect(index: u32, to: u32) -> RouteNetlinkMessage {
    let mut generic = TcActionGeneric::default();
    generic.action = TcActionType::Stolen;
    let mut mirror = TcMirror::default();
    mirror.generic = generic;
    mirror.eaction = TcMirrorActionType::EgressRedir;
    mirror.ifindex = to;
    let mut action = TcAction::default();
    action.attributes = vec![
        TcActionAttribute::Kind(TcActionMirror::KIND.to_owned()),
        TcActionAttribute::Options(vec![TcActionOption::Mirror(TcActionMirrorOption::Parms(
            mirror,
        ))]),
    ];
    let mut any = TcU32Selector::default();
    any.flags = TcU32SelectorFlags::Terminal;
    any.nkeys = 1;
    any.keys = vec![TcU32Key::default()];
    let mut message = at(index, FIRST_FILTER, INGRESS);
    message.header.info = FIRST_OF_ALL;
    message.attributes = vec![
        TcAttribute::Kind(TcFilterU32::KIND.to_owned()),
        TcAttribute::Options(vec![
            TcOption::U32(TcFilterU32Option::Selector(any)),
            TcOption::U32(TcFilterU32Option::Action(vec![action])),
        ]),
    ];
    RouteNetlinkMessage::NewTrafficFilter(message)
}

fn at(index: u32, handle: TcHandle, parent: TcHandle) -> TcMessage {
    // The kernel's numbers of links are positive.
    let mut message = TcMessage::with_index(index.cast_signed());
    message.header.handle = handle;
    message.header.parent = parent;
    message
}

fn option(kind: u16, value: Vec<u8>) -> TcOption {
    TcOption::Other(DefaultNla::new(kind, value))
}

/// A size table that changes no size: no entry, and nothing to add.
///
/// # Kernel
/// `struct tc_sizespec`; `__qdisc_calculate_pkt_len` begins from the bytes that there
/// are where a queue has a table.
fn plain_sizes() -> Vec<u8> {
    let base = DefaultNla::new(TCA_STAB_BASE, vec![0; SIZE_TABLE]);
    let mut bytes = vec![0; base.buffer_len()];
    base.emit(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(message: &TcMessage) -> Vec<u8> {
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        bytes
    }

    /// What follows the message's header: kind, size table, options.
    fn options_of(message: RouteNetlinkMessage) -> Vec<u8> {
        let RouteNetlinkMessage::NewQueueDiscipline(message) = message else {
            panic!("a bucket is a queueing discipline");
        };
        bytes(&message)[20..].to_vec()
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn a_bucket_is_what_the_kernel_reads() {
        let options = options_of(bucket(7, &Bucket::of(1_000_000, 1500)));
        let mut expected = vec![8, 0, 1, 0];
        expected.extend(b"tbf\0");
        expected.extend([32, 0, 8, 0, 28, 0, 1, 0]);
        expected.extend([0; 24]);
        expected.extend([52, 0, 2, 0, 40, 0, 1, 0]);
        expected.extend([0, 1, 0, 0, 0, 0, 0, 0]);
        expected.extend(1_000_000_u32.to_le_bytes());
        expected.extend([0; 12]);
        expected.extend(131_072_u32.to_le_bytes());
        expected.extend([0; 8]);
        expected.extend([8, 0, 6, 0]);
        expected.extend(16_384_u32.to_le_bytes());
        assert_eq!(options, expected);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn a_rate_of_more_than_32_bits_is_said_in_64() {
        let rate = 5_000_000_000_u64;
        let options = options_of(bucket(7, &Bucket::of(rate, 1500)));
        let mut expected = vec![12, 0, 4, 0];
        expected.extend(rate.to_le_bytes());
        assert!(options.ends_with(&expected));
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn a_redirect_is_what_the_kernel_reads() {
        let RouteNetlinkMessage::NewTrafficFilter(message) = redirect(7, 9) else {
            panic!("a redirect is a filter");
        };
        let bytes = bytes(&message);
        let mut header = vec![0, 0, 0, 0, 7, 0, 0, 0];
        header.extend(0x8000_0001_u32.to_le_bytes());
        header.extend(0xffff_fff2_u32.to_le_bytes());
        header.extend([0, 3, 1, 0]);
        assert_eq!(bytes[..20], header);
        // The last of it: what is done (redirect at the way out), and by which link.
        assert!(bytes.ends_with(&[1, 0, 0, 0, 9, 0, 0, 0]));
    }
}
