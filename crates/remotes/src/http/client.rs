//! Requests: their redirects, their passwords, and what went wrong, in words.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use ureq::tls::{RootCerts, TlsConfig};
use ureq::typestate::WithoutBody;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, RequestBuilder, Timeout};

use super::resolve::{Getent, NoAddress};
use super::{Body, Patience, proxy, roots};
use crate::error::{Error, Why};
use crate::remote::Access;
use crate::url::{Scheme, Url};

/// Redirects that are followed.
const MOST_REDIRECTS: u32 = 5;
/// How often it is looked whether to stop.
const TICK: Duration = Duration::from_millis(50);
const USER_AGENT: &str = concat!("veld/", env!("CARGO_PKG_VERSION"));

type Answer = ureq::http::Response<ureq::Body>;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
}

/// A request, but for where it goes.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    /// The header that lets one in; it goes to no other host.
    pub(crate) authorization: Option<&'a str>,
}

/// An answer, with its body still to be read.
#[allow(missing_debug_implementations, reason = "a reader has no text")]
pub(crate) struct Response {
    pub(crate) status: ureq::http::StatusCode,
    /// Where it came from, after all redirects.
    pub(crate) from: Url,
    headers: ureq::http::HeaderMap,
    pub(crate) body: Body,
}

impl Response {
    /// A header, where it is there and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All headers of a name that are text.
    pub(crate) fn header_all(&self, name: &str) -> Vec<&str> {
        let all = self.headers.get_all(name).iter();
        all.filter_map(|value| value.to_str().ok()).collect()
    }

    /// `404 Not Found`.
    pub(crate) fn status_line(&self) -> String {
        let reason = self.status.canonical_reason().unwrap_or("");
        format!("{} {reason}", self.status.as_u16())
            .trim_end()
            .to_owned()
    }
}

/// Speaks to servers until it is dropped.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    insecure: bool,
    patience: Patience,
    stop: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl Client {
    /// A client that gives up all that it waits for once `stop` is true.
    ///
    /// # Errors
    /// Where certificates cannot be read.
    pub(crate) fn new(access: &Access, stop: Arc<AtomicBool>) -> Result<Self, Error> {
        let patience = access.patience;
        let roots = roots::trusted(access.ca.as_deref())?;
        let provider = rustls::crypto::ring::default_provider();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .unversioned_rustls_crypto_provider(Arc::new(provider))
            .build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(USER_AGENT)
            .tls_config(tls)
            .timeout_resolve(Some(patience.connect))
            .timeout_connect(Some(patience.connect))
            .timeout_send_request(Some(patience.answer))
            .timeout_recv_response(Some(patience.answer))
            .timeout_per_read(Some(patience.silence))
            .timeout_per_write(Some(patience.silence))
            .build();
        let resolver = Getent::new(Arc::clone(&stop));
        let agent = Agent::with_parts(config, DefaultConnector::default(), resolver);
        let over = Arc::<AtomicBool>::default();
        cut_off_at(&stop, &over, agent.clone());
        Ok(Self {
            agent,
            insecure: access.insecure,
            patience,
            stop,
            over,
        })
    }

    /// Whether it was told to stop.
    pub(crate) fn must_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// How long it waits.
    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    /// Sends a request and follows redirects. Any status of the last answer is fine.
    ///
    /// # Errors
    /// [`Error::Get`] with the address that was asked for; [`Error::Interrupted`].
    pub(crate) fn send(&self, url: &Url, request: &Request<'_>) -> Result<Response, Error> {
        let mut here = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            self.must_be_private(&here).map_err(|why| why.at(url))?;
            let response = self
                .ask(&here, url, request)
                .map_err(|why| self.told(why, url))?;
            if !response.status.is_redirection() || response.status.as_u16() == 304 {
                return Ok(response);
            }
            let Some(location) = response.header("location") else {
                return Ok(response);
            };
            here = self
                .redirected(&here, location)
                .map_err(|why| why.at(url))?;
        }
        let to = here.to_string();
        let most = MOST_REDIRECTS;
        Err(Why::TooManyRedirects { most, to }.at(url))
    }

    /// An error, or that all of this was to end.
    pub(crate) fn told(&self, why: Why, url: &Url) -> Error {
        if self.must_stop() {
            Error::Interrupted
        } else {
            why.at(url)
        }
    }

    /// Sends one request to `here`, on the way that began at `first`.
    fn ask(&self, here: &Url, first: &Url, request: &Request<'_>) -> Result<Response, Why> {
        let address = here.to_string();
        let mut builder = match request.method {
            Method::Get => self.agent.get(&address),
            Method::Head => self.agent.head(&address),
        };
        if let Some(proxy) = proxy::for_url(here)? {
            builder = builder.config().proxy(Some(proxy)).build();
        }
        for (name, value) in request.headers {
            builder = builder.header(*name, *value);
        }
        if let Some(value) = request.authorization.filter(|_| here.same_origin(first)) {
            builder = builder.header("Authorization", value);
        }
        let answer = self.call(builder)?;
        let (parts, body) = answer.into_parts();
        Ok(Response {
            status: parts.status,
            from: here.clone(),
            headers: parts.headers,
            body: Body::new(body, self.patience),
        })
    }

    /// Sends it from a thread of its own: a connection on its way can be left alone,
    /// and not be ended.
    fn call(&self, request: RequestBuilder<WithoutBody>) -> Result<Answer, Why> {
        let (sender, receiver) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            // Nobody listens any more where this was told to stop.
            let _ = sender.send(request.call());
        });
        loop {
            match receiver.recv_timeout(TICK) {
                Ok(answer) => return answer.map_err(|error| explain(error, &self.patience)),
                Err(RecvTimeoutError::Timeout) if !self.must_stop() => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return Err(Why::Protocol("the request was left alone".to_owned()));
                }
            }
        }
    }

    fn redirected(&self, here: &Url, location: &str) -> Result<Url, Why> {
        let refused = |to: String, why| Err(Why::Redirect { to, why });
        let Some(to) = here.join(location) else {
            let to = location.chars().take(200).collect();
            return refused(to, "which is no address of http or https");
        };
        if here.scheme() == Scheme::Https && to.scheme() == Scheme::Http && !self.insecure {
            return refused(to.to_string(), "away from https");
        }
        Ok(to)
    }

    fn must_be_private(&self, url: &Url) -> Result<(), Why> {
        if url.scheme() == Scheme::Https || url.is_loopback() || self.insecure {
            Ok(())
        } else {
            Err(Why::PlainHttp)
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// Closes all connections of an agent when `stop` becomes true, from a thread that
/// ends with the client. What waits for a server waits in the kernel.
fn cut_off_at(stop: &Arc<AtomicBool>, over: &Arc<AtomicBool>, agent: Agent) {
    let (stop, over) = (Arc::clone(stop), Arc::clone(over));
    std::thread::spawn(move || {
        while !over.load(Ordering::Relaxed) {
            if stop.load(Ordering::Relaxed) {
                agent.shutdown();
                return;
            }
            std::thread::sleep(TICK);
        }
    });
}

/// What an error of the client below means.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's own words serve for all others, and for those to come"
)]
pub(super) fn explain(error: ureq::Error, patience: &Patience) -> Why {
    match error {
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            let seconds = patience.connect.as_secs();
            Why::Protocol(format!("no connection within {seconds} s"))
        }
        ureq::Error::Timeout(Timeout::RecvResponse | Timeout::SendRequest) => {
            let seconds = patience.answer.as_secs();
            Why::Protocol(format!("no answer within {seconds} s"))
        }
        ureq::Error::Timeout(_) => Why::Silent {
            seconds: patience.silence.as_secs(),
        },
        ureq::Error::Io(cause) => from_io(cause),
        ureq::Error::Rustls(cause) => Why::Tls(cause.to_string()),
        ureq::Error::Tls(cause) => Why::Tls(cause.to_owned()),
        ureq::Error::Other(cause) => match cause.downcast::<NoAddress>() {
            Ok(unknown) => Why::NoAddress { host: unknown.0 },
            Err(other) => Why::Protocol(other.to_string()),
        },
        ureq::Error::LargeResponseHeader(..) => Why::Protocol("its header is too long".to_owned()),
        other => Why::Protocol(other.to_string()),
    }
}

/// rustls has its errors come as those of the operating system.
fn from_io(cause: io::Error) -> Why {
    match cause
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        Some(inner) => Why::Tls(inner.to_string()),
        None if cause.kind() == io::ErrorKind::UnexpectedEof => {
            Why::Protocol("the connection ended before the answer did".to_owned())
        }
        None => Why::Io(cause),
    }
}
