//! Addresses of servers: `http` and `https` alone, without a user in them.

use std::fmt;
use std::net::IpAddr;

use crate::error::Error;

/// The longest that is looked at.
const LONGEST: usize = 8192;

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// An address: scheme, host, port, and path with query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    scheme: Scheme,
    /// A name, an IPv4 address, or an IPv6 one in brackets; in lower case.
    host: String,
    port: u16,
    /// From the slash on.
    path: String,
}

impl Url {
    /// Reads a whole address.
    ///
    /// # Errors
    /// [`Error::BadUrl`].
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let bad = |why| Error::BadUrl {
            text: text.chars().take(200).collect(),
            why,
        };
        if text.len() > LONGEST {
            return Err(bad("it is too long"));
        }
        let plain =
            |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\');
        if !text.bytes().all(plain) {
            return Err(bad("it has characters that an address has escaped"));
        }
        let (scheme, rest) = text
            .split_once("://")
            .ok_or(bad("it has no http:// or https://"))?;
        let scheme = scheme_of(scheme).ok_or(bad("it is neither http nor https"))?;
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(bad("a user does not belong in it"));
        }
        let (host, port) = split_port(authority).ok_or(bad("its port is no number"))?;
        if !is_host(host) {
            return Err(bad("it has no host"));
        }
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        Ok(Self {
            scheme,
            host: host.to_ascii_lowercase(),
            port: port.unwrap_or(usual_port(scheme)),
            path,
        })
    }

    /// What `location` means, said at this address; none where it is of another
    /// protocol or no address.
    pub(crate) fn join(&self, location: &str) -> Option<Self> {
        let location = location.trim();
        if has_scheme(location) {
            return Self::parse(location).ok();
        }
        let text = if location.starts_with("//") {
            format!("{}:{location}", self.scheme.name())
        } else if location.starts_with('/') {
            format!("{}{location}", self.origin())
        } else {
            let path = self.path.split('?').next().unwrap_or_default();
            let folder = path
                .rfind('/')
                .and_then(|at| path.get(..=at))
                .unwrap_or("/");
            format!("{}{folder}{location}", self.origin())
        };
        Self::parse(&text).ok()
    }

    /// The address of `path` below this one, whatever is in the path.
    pub(crate) fn below(&self, path: &str) -> Result<Self, Error> {
        let folder = self.path.trim_end_matches('/');
        Self::parse(&format!(
            "{}{folder}/{}",
            self.origin(),
            path.trim_start_matches('/')
        ))
    }

    /// `https://HOST[:PORT]`.
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}", self.scheme.name(), self.authority())
    }

    /// `HOST[:PORT]`.
    pub(crate) fn authority(&self) -> String {
        if self.port == usual_port(self.scheme) {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The host, an IPv6 address without its brackets.
    pub(crate) fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether it is this host, by whatever name cannot mean another.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self
                .host()
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }

    /// Whether a password for the one may be sent to the other.
    pub(crate) fn same_origin(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }

    /// The same with another query parameter; `value` is escaped.
    pub(crate) fn with_query(&self, key: &str, value: &str) -> Self {
        let joint = if self.path.contains('?') { '&' } else { '?' };
        let path = format!("{}{joint}{key}={}", self.path, escaped(value));
        Self {
            path,
            ..self.clone()
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.path)
    }
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

fn scheme_of(text: &str) -> Option<Scheme> {
    [Scheme::Http, Scheme::Https]
        .into_iter()
        .find(|scheme| text.eq_ignore_ascii_case(scheme.name()))
}

fn usual_port(scheme: Scheme) -> u16 {
    match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    }
}

/// RFC 3986, section 3.1.
fn has_scheme(text: &str) -> bool {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// Host and port of `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT`.
pub(crate) fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let after_host = authority.rfind(']').unwrap_or(0);
    let Some(colon) = authority.get(after_host..)?.rfind(':') else {
        return Some((authority, None));
    };
    let (host, port) = authority.split_at(after_host + colon);
    let digits = port.get(1..)?;
    let port: u16 = digits.parse().ok()?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    (plain && port > 0).then_some((host, Some(port)))
}

/// Whether it is a name of DNS, or an address as it stands in a URL.
pub(crate) fn is_host(text: &str) -> bool {
    if let Some(inner) = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return inner.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (1..=253).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with(['.', '-'])
}

/// A value in a query: all but what RFC 3986 calls unreserved is escaped.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn an_address_is_of_http_and_names_a_host() {
        for (text, shown) in [
            ("http://A.test", "http://a.test/"),
            ("https://a.test:443/b?c#d", "https://a.test/b?c"),
            ("http://127.0.0.1:5000/v2/", "http://127.0.0.1:5000/v2/"),
            ("http://[::1]:80/x", "http://[::1]/x"),
            ("HTTPS://a.test?q=1", "https://a.test/?q=1"),
        ] {
            assert_eq!(url(text).to_string(), shown);
        }
        for (text, why) in [
            ("ftp://a.test/", "it is neither http nor https"),
            ("a.test/b", "it has no http:// or https://"),
            ("http://me:word@a.test/", "a user does not belong in it"),
            ("http:///b", "it has no host"),
            ("http://a.test:x/", "its port is no number"),
            ("http://a.test:0/", "its port is no number"),
            (
                "http://a b/",
                "it has characters that an address has escaped",
            ),
            ("http://[::g]/", "it has no host"),
        ] {
            let said = Url::parse(text).unwrap_err().to_string();
            assert_eq!(said, format!("{text:?} is not an address: {why}"));
        }
    }

    #[test]
    fn a_location_is_read_from_where_it_was_said() {
        let base = url("https://a.test:444/v2/x/y?z=1");
        for (location, shown) in [
            ("/blobs", Some("https://a.test:444/blobs")),
            ("w", Some("https://a.test:444/v2/x/w")),
            ("//b.test/c", Some("https://b.test/c")),
            ("http://b.test/c", Some("http://b.test/c")),
            ("file:///etc/shadow", None),
            ("ftp://a.test/", None),
        ] {
            let joined = base.join(location).map(|url| url.to_string());
            assert_eq!(joined.as_deref(), shown, "{location}");
        }
        assert_eq!(
            base.with_query("scope", "repository:a/b:pull").to_string(),
            "https://a.test:444/v2/x/y?z=1&scope=repository%3Aa%2Fb%3Apull"
        );
    }

    #[test]
    fn only_this_host_is_this_host() {
        for here in ["http://localhost/", "http://127.9.9.9/", "http://[::1]:5/"] {
            assert!(url(here).is_loopback(), "{here}");
        }
        for there in [
            "http://localhost.test/",
            "http://10.0.0.1/",
            "http://127.0.0.1.test/",
        ] {
            assert!(!url(there).is_loopback(), "{there}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in ".{0,60}", location in ".{0,60}") {
            if let Ok(parsed) = Url::parse(&text) {
                prop_assert_eq!(Url::parse(&parsed.to_string()).unwrap(), parsed.clone());
            }
            let _ = url("http://a.test/b/c").join(&location);
            let _ = Url::parse(&format!("http://{text}"));
        }
    }
}
