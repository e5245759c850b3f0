//! What an action that succeeded has to say.

/// An action is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// What was done or found, for people, as in "started, up in 0.4 s".
    pub what: String,
    /// What was not as it should be and did not keep the action from success.
    pub warnings: Vec<String>,
}

impl Done {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            warnings: Vec::new(),
        }
    }

    pub(crate) fn with_warnings(self, warnings: Vec<String>) -> Self {
        Self { warnings, ..self }
    }
}
