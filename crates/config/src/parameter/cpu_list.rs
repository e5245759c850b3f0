//! Which CPUs: a list as the kernel writes it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::Invalid;

/// Numbers of CPUs, at least one: `0-3,8`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuList(BTreeSet<u32>);

/// The highest number that mainline builds for.
const HIGHEST: u32 = 8191;

impl CpuList {
    /// The numbers, in order.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied()
    }
}

impl FromStr for CpuList {
    type Err = Invalid;

    /// # Kernel
    /// cpuset(7), "List format".
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::form(text, "a list of CPUs", "numbers up to 8191, as 0-3,8");
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits.parse::<u32>().ok();
            number.filter(|number| plain && *number <= HIGHEST)
        };
        let mut numbers = BTreeSet::new();
        for range in text.split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (Some(first), Some(last)) = (number(first), number(last)) else {
                return Err(invalid());
            };
            if first > last {
                return Err(invalid());
            }
            numbers.extend(first..=last);
        }
        Ok(Self(numbers))
    }
}

impl fmt::Display for CpuList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for number in self.numbers() {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == number => *last = number,
                _ => ranges.push((number, number)),
            }
        }
        for (at, (first, last)) in ranges.into_iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_written_as_the_kernel_does() {
        for (written, shown) in [
            ("0", "0"),
            ("3,1,2", "1-3"),
            ("0-3,8", "0-3,8"),
            ("1,1,0-1,8191", "0-1,8191"),
        ] {
            assert_eq!(written.parse::<CpuList>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in [
            "", ",", "1,", "3-1", "-1", "+1", "1-", "8192", "0 1", "a", "0-1-2",
        ] {
            let refused = text.parse::<CpuList>().unwrap_err().to_string();
            assert!(
                refused.ends_with("is not a list of CPUs: allowed is numbers up to 8191, as 0-3,8"),
                "{refused}"
            );
        }
    }
}
