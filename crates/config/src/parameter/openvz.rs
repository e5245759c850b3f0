//! Limits as OpenVZ has them: a soft and a hard one, or one number for both. What is
//! between the two is a matter of some days there; here the hard one holds alone.

use veld_units::{Bytes, Error};

use super::{disk, inodes};

const UNLIMITED: &str = "unlimited";

/// OpenVZ's `diskspace`: what a VE may have on disk, in KiB where there is no suffix;
/// nothing where it may have what there is.
///
/// # Errors
/// It is no size and no pair of sizes, or out of the range of `disk`.
pub fn diskspace(text: &str) -> Result<Option<Bytes>, Error> {
    limit(text, |limit| {
        let is_number = limit.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && !limit.is_empty() {
            return disk(&format!("{limit}K"));
        }
        disk(limit)
    })
}

/// OpenVZ's `diskinodes`: how many files and directories a VE may have; nothing where as
/// many as there may be.
///
/// # Errors
/// It is no number and no pair of numbers, or out of the range of `inodes`.
pub fn diskinodes(text: &str) -> Result<Option<u64>, Error> {
    limit(text, inodes).map(|limit| limit.filter(|count| *count > 0))
}

fn limit<T: PartialOrd>(
    text: &str,
    read: impl Fn(&str) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let read = |limit: &str| match limit {
        UNLIMITED => Ok(None),
        limit => read(limit).map(Some),
    };
    let Some((soft, hard)) = text.split_once(':') else {
        return read(text);
    };
    let (soft, hard) = (read(soft)?, read(hard)?);
    let is_pair = match (&soft, &hard) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(soft), Some(hard)) => soft <= hard,
    };
    if is_pair {
        Ok(hard)
    } else {
        Err(Error::out_of_range(
            text,
            "a soft limit of at most the hard",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hard_limit_holds_and_is_in_kib() {
        for (text, bytes) in [
            ("1048576", Some(1 << 30)),
            ("10G:11G", Some(11 << 30)),
            ("1048576:1153024", Some(1_153_024 << 10)),
            ("512M", Some(512 << 20)),
            ("20000:unlimited", None),
            ("unlimited", None),
        ] {
            let said = diskspace(text).unwrap();
            assert_eq!(said, bytes.map(Bytes::new), "{text}");
        }
        for (text, count) in [("200000:220000", Some(220_000)), ("0", None)] {
            assert_eq!(diskinodes(text).unwrap(), count, "{text}");
        }
        for (text, what) in [
            ("2G:1G", "a soft limit of at most the hard"),
            ("unlimited:1G", "a soft limit of at most the hard"),
            ("1G:", "is not a size"),
            ("", "is not a size"),
            ("8", "16M to 8192T"),
            ("1G:2G:3G", "is not a size"),
        ] {
            let refused = diskspace(text).unwrap_err().to_string();
            assert!(refused.contains(what), "{text}: {refused}");
        }
        assert!(diskinodes("5M").is_err());
    }
}
