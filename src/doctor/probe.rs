//! Whether somebody answers: name, connection, and an answer over TLS, each apart, each bounded.

use std::error::Error;
use std::time::{Duration, Instant, SystemTime};

use tokio::net::{TcpStream, lookup_host};
use url::Url;

use super::Examination;

/// What came of asking at an address.
#[derive(Debug)]
pub(crate) struct Probed {
    pub(crate) examination: Examination,
    /// The time that the other side says it is, and ours when it was read.
    pub(crate) clocks: Option<(SystemTime, SystemTime)>,
}

/// Asks at an address. Any answer is one: who may do what is not asked here.
pub(crate) async fn reach(
    name: &str,
    address: &Url,
    proxy: Option<&Url>,
    client: Result<&reqwest::Client, &String>,
    patience: Duration,
) -> Probed {
    let mut parts = connect(proxy.unwrap_or(address), patience).await;
    let mut clocks = None;
    if parts.iter().all(|part| part.hint.is_none()) {
        let (answered, told) = ask(address, client, patience).await;
        parts.push(answered);
        clocks = told;
    }
    let mut examination = Examination::of_parts(name, parts);
    let way =
        proxy.map_or_else(String::new, |proxy| format!(" through {}", proxy.as_str().trim_end_matches('/')));
    examination.detail = format!("{}{way}", address.as_str().trim_end_matches('/'));
    Probed { examination, clocks }
}

/// Name and connection of a host.
pub(crate) async fn connect(address: &Url, patience: Duration) -> Vec<Examination> {
    let host = address.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = address.port_or_known_default().unwrap_or(443);
    let begun = Instant::now();
    let dns_hint =
        "check the Region's name, the network, /etc/resolv.conf, and in a VPC its DNS settings and endpoints";
    let found = match tokio::time::timeout(patience, lookup_host((host.as_str(), port))).await {
        Err(_) => {
            return vec![Examination::ng("DNS", format!("no answer within {}", told(patience)), dns_hint)];
        }
        Ok(Err(error)) => return vec![Examination::ng("DNS", format!("{host}: {error}"), dns_hint)],
        Ok(Ok(found)) => found.collect::<Vec<_>>(),
    };
    let Some(first) = found.first() else {
        return vec![Examination::ng("DNS", format!("{host} has no address"), dns_hint)];
    };
    let dns = Examination::ok("DNS", format!("{} in {}", first.ip(), told(begun.elapsed())));
    let begun = Instant::now();
    let hint = "check the network, firewalls and security groups, and HTTPS_PROXY where one is needed";
    let tcp = match tokio::time::timeout(patience, TcpStream::connect(found.as_slice())).await {
        Err(_) => {
            Examination::ng("TCP", format!("no connection to port {port} within {}", told(patience)), hint)
        }
        Ok(Err(error)) => Examination::ng("TCP", format!("port {port}: {error}"), hint),
        Ok(Ok(_)) => Examination::ok("TCP", format!("port {port} in {}", told(begun.elapsed()))),
    };
    vec![dns, tcp]
}

async fn ask(
    address: &Url,
    client: Result<&reqwest::Client, &String>,
    patience: Duration,
) -> (Examination, Option<(SystemTime, SystemTime)>) {
    let name = if address.scheme() == "https" { "TLS and HTTP" } else { "HTTP" };
    let client = match client {
        Ok(client) => client,
        Err(why) => return (Examination::ng(name, why, crate::http::CLIENT_HINT), None),
    };
    let begun = Instant::now();
    match tokio::time::timeout(patience, client.get(address.clone()).send()).await {
        Err(_) => {
            let hint =
                "somebody takes connections there and does not answer: a proxy or a firewall, most likely";
            (Examination::ng(name, format!("no answer within {}", told(patience)), hint), None)
        }
        Ok(Err(error)) => {
            let why = causes(&error);
            let hint = if why.contains("certificate") {
                "a proxy answers in AWS's place: add its certificate authority to the system's trust store, or name its file in SSL_CERT_FILE"
            } else {
                "something on the way breaks the connection: a proxy, a firewall, or a wrong address"
            };
            (Examination::ng(name, why, hint), None)
        }
        Ok(Ok(answer)) => {
            let date = answer.headers().get("date").and_then(|date| date.to_str().ok());
            let theirs = date.and_then(|date| httpdate::parse_http_date(date).ok());
            let status = answer.status().as_u16();
            let detail = format!("answered with {status} in {}", told(begun.elapsed()));
            (Examination::ok(name, detail), theirs.map(|theirs| (SystemTime::now(), theirs)))
        }
    }
}

/// What the causes of an error say. The error's own text has the address, which is told already.
fn causes(error: &reqwest::Error) -> String {
    let first: Option<&(dyn Error + 'static)> = error.source();
    let causes = std::iter::successors(first, |&cause| cause.source());
    causes.last().map_or_else(|| "the request failed".to_owned(), ToString::to_string)
}

/// A time as a person reads it.
fn told(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}
