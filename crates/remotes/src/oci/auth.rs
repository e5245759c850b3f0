//! Being let in by a registry: a token that is asked for anew, or a password.

use serde::Deserialize;

use super::challenge::{self, Challenge};
use super::credentials::Credentials;
use crate::error::{Error, Why};
use crate::http::{Client, Method, Request, Response};
use crate::url::{Scheme, Url};

/// The longest answer of a server of tokens.
const LONGEST: u64 = 1 << 20;

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
}

/// The header that a refused request is to be sent again with; none where nothing
/// that is here would help.
///
/// # Errors
/// Those of the server of tokens.
pub(super) fn answer(
    client: &Client,
    refused: &Response,
    url: &Url,
    scope: &str,
    credentials: Option<&Credentials>,
) -> Result<Option<String>, Error> {
    let headers = refused.header_all("www-authenticate");
    let offers: Vec<Challenge> = headers.into_iter().flat_map(challenge::parse).collect();
    let offer = |scheme: &str| offers.iter().find(|offer| offer.scheme == scheme);
    if let Some(bearer) = offer("bearer") {
        let token = token(client, bearer, url, scope, credentials)?;
        return Ok(Some(format!("Bearer {token}")));
    }
    Ok(offer("basic").and(credentials).map(Credentials::basic))
}

fn token(
    client: &Client,
    bearer: &Challenge,
    url: &Url,
    scope: &str,
    credentials: Option<&Credentials>,
) -> Result<String, Error> {
    let unusable = |what: &str| Why::Unusable(what.to_owned()).at(url);
    let realm = bearer.get("realm").and_then(|realm| Url::parse(realm).ok());
    let realm = realm.ok_or_else(|| unusable("it wants a token and does not say from where"))?;
    // The password was meant for TLS.
    if url.scheme() == Scheme::Https && realm.scheme() == Scheme::Http {
        return Err(unusable(&format!(
            "it wants a token from {realm}, away from https"
        )));
    }
    let mut address = realm;
    if let Some(service) = bearer.get("service") {
        address = address.with_query("service", service);
    }
    address = address.with_query("scope", scope);
    let basic = credentials.map(Credentials::basic);
    let request = Request {
        method: Method::Get,
        headers: &[("Accept", "application/json")],
        authorization: basic.as_deref(),
    };
    let response = client.send_patiently(&address, &request)?;
    if !response.status.is_success() {
        return Err(refused(&response, credentials.is_some()).at(&address));
    }
    let text = response.body.read_all(LONGEST);
    let text = text.map_err(|why| client.told(why, &address))?;
    let found: Option<Answer> = serde_json::from_slice(&text).ok();
    let token = found.and_then(|found| found.token.or(found.access_token));
    let plain =
        |token: &String| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    token
        .filter(plain)
        .ok_or_else(|| Why::Unusable("it has no token".to_owned()).at(&address))
}

/// What it means that the host which a redirect led to wants to know who asks. It is
/// told nobody: a password is for the one whose it is, and for whom that one names.
pub(super) fn refused_elsewhere(response: &Response) -> Why {
    let status = response.status_line();
    let hint = "a redirect leads to another host, which is shown no password";
    Why::Denied { status, hint }
}

/// What a refusal means, by whether a password was shown.
pub(super) fn refused(response: &Response, shown: bool) -> Why {
    let status = response.status_line();
    if !matches!(response.status.as_u16(), 401 | 403) {
        let said = String::new();
        return Why::Status { status, said };
    }
    let hint = if shown {
        "the user or the password is not accepted"
    } else {
        "it is not for everybody: set user and password-file of a remote, or log in by podman, skopeo or docker"
    };
    Why::Denied { status, hint }
}
