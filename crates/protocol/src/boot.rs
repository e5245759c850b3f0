//! Between a process that starts another in a VE and the child it made.
//!
//! ```text
//! parent                     child
//!   | -------- Go ----------> |   namespaces and mounts are ready
//!   | <------ Executing ----- |   the next thing is the program
//!   |        (end of file)    |   it runs: the socket closed on exec
//! ```
//!
//! At any moment the child may say `Failed` instead and end. An end of file
//! without `Executing` means that it died without a word.
//!
//! PID 1 of a VE takes its end along into veld-init, at [`CHANNEL`], which closes
//! it when the distribution's init runs in its place or when it begins to
//! supervise: so the start of a VE whose init cannot be executed fails.

/// The descriptor at which veld-init finds its end: a number that nothing has on
/// the way there, and below 64 as those of [`crate::shim`] are.
pub const CHANNEL: i32 = 60;

/// No message is longer.
pub const LONGEST: usize = 512;

/// What the parent says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FromParent {
    /// Everything the child waits for is done.
    Go,
}

/// What the child says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromChild {
    /// The child made another, of this number in the parent's pid namespace,
    /// which goes on in its place.
    Born(i32),
    /// The next thing the child does is to execute the program.
    Executing,
    /// A step failed.
    Failed(StepFailure),
}

/// Why a child could not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFailure {
    /// Which part of its work it was at.
    pub stage: Stage,
    /// The errno of the cause; 0 where there is none, and the text is a fact.
    pub errno: i32,
    /// The verb and its operands, as in "mount proc"; or a fact.
    pub operation: String,
}

/// A part of the child's work that callers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Before the program was looked for.
    Preparing,
    /// Looking for the program and executing it.
    Executing,
}

const GO: u8 = b'g';
const BORN: u8 = b'b';
const EXECUTING: u8 = b'x';
const FAILED_PREPARING: u8 = b'p';
const FAILED_EXECUTING: u8 = b'f';

impl FromParent {
    /// The message as bytes.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        match self {
            FromParent::Go => vec![GO],
        }
    }

    /// The message in `bytes`, if it is one.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        (bytes == [GO]).then_some(FromParent::Go)
    }
}

impl FromChild {
    /// The message as bytes; a long operation is cut.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            FromChild::Born(pid) => [&[BORN], &pid.to_le_bytes()[..]].concat(),
            FromChild::Executing => vec![EXECUTING],
            FromChild::Failed(failure) => {
                let kind = match failure.stage {
                    Stage::Preparing => FAILED_PREPARING,
                    Stage::Executing => FAILED_EXECUTING,
                };
                let mut bytes = vec![kind];
                bytes.extend(failure.errno.to_le_bytes());
                bytes.extend(failure.operation.bytes());
                bytes.truncate(LONGEST);
                bytes
            }
        }
    }

    /// The message in `bytes`, if it is one.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let stage = match *kind {
            BORN => return Some(FromChild::Born(i32::from_le_bytes(rest.try_into().ok()?))),
            EXECUTING => return rest.is_empty().then_some(FromChild::Executing),
            FAILED_PREPARING => Stage::Preparing,
            FAILED_EXECUTING => Stage::Executing,
            _ => return None,
        };
        let (errno, operation) = rest.split_first_chunk()?;
        Some(FromChild::Failed(StepFailure {
            stage,
            errno: i32::from_le_bytes(*errno),
            operation: String::from_utf8_lossy(operation).into_owned(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_socket() {
        let failed = FromChild::Failed(StepFailure {
            stage: Stage::Executing,
            errno: 2,
            operation: "execute /sbin/init".to_owned(),
        });
        for message in [FromChild::Executing, FromChild::Born(4711), failed] {
            assert_eq!(FromChild::decode(&message.encode()), Some(message));
        }
        assert_eq!(
            FromParent::decode(&FromParent::Go.encode()),
            Some(FromParent::Go)
        );
    }

    #[test]
    fn anything_else_is_no_message() {
        for bytes in [&b""[..], b"?", b"p\0\0", b"xx", b"gg"] {
            assert_eq!(FromChild::decode(bytes), None, "{bytes:?}");
            assert_eq!(FromParent::decode(bytes), None, "{bytes:?}");
        }
    }
}
