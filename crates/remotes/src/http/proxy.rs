//! The proxy that the environment names for an address.

use std::net::IpAddr;

use ureq::Proxy;

use crate::error::Why;
use crate::url::{Scheme, Url};

/// The proxy for `url`, by `https_proxy`, `http_proxy` and `all_proxy`, but for what
/// `no_proxy` names and this host itself; each variable in lower case or upper.
///
/// # Errors
/// Where the variable names none that can be used.
pub(super) fn for_url(url: &Url) -> Result<Option<Proxy>, Why> {
    let variable = |name: &str| {
        [name.to_owned(), name.to_uppercase()]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    };
    // A program behind a web server gets a header of its client's as HTTP_PROXY; this
    // is none, so both cases of the name are read.
    let name = match url.scheme() {
        Scheme::Http => "http_proxy",
        Scheme::Https => "https_proxy",
    };
    let Some(proxy) = variable(name).or_else(|| variable("all_proxy")) else {
        return Ok(None);
    };
    let exempt = variable("no_proxy").unwrap_or_default();
    if url.is_loopback() || is_exempt(url.host(), &exempt) {
        return Ok(None);
    }
    // It may have a password in it.
    let unusable = |_| Why::Protocol(format!("the proxy that {name} names is none"));
    Proxy::new(&proxy).map(Some).map_err(unusable)
}

/// Whether a list as `localhost,.corp.test,10.0.0.1` or `*` names the host, or a
/// domain that it is in.
fn is_exempt(host: &str, list: &str) -> bool {
    let is_address = host.parse::<IpAddr>().is_ok();
    list.split(',').map(str::trim).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        let domain = entry.trim_start_matches("*.").trim_start_matches('.');
        entry == "*"
            || (!domain.is_empty()
                && (host == domain || (!is_address && host.ends_with(&format!(".{domain}")))))
    })
}

#[cfg(test)]
mod tests {
    use super::is_exempt;

    #[test]
    fn a_domain_exempts_what_is_in_it() {
        for (host, list, exempt) in [
            ("a.corp.test", "x.test, .corp.test", true),
            ("a.corp.test", "corp.test", true),
            ("acorp.test", "corp.test", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "0.0.1", false),
            ("a.test", "*", true),
            ("a.test", "", false),
            ("a.test", "*.test", true),
        ] {
            assert_eq!(is_exempt(host, list), exempt, "{host} {list}");
        }
    }
}
