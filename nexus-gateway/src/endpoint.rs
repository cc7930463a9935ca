//! Where a peer is: a host and a port, before and after its name is looked up.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// A host's name or address, and a port.
///
/// ```
/// use nexus_gateway::endpoint::Endpoint;
///
/// let endpoint: Endpoint = "[::1]:9000".parse().unwrap();
/// assert_eq!((endpoint.host(), endpoint.port()), ("::1", 9000));
/// assert_eq!(endpoint.to_string(), "[::1]:9000");
/// assert_eq!(endpoint.address(), Some("[::1]:9000".parse().unwrap()));
/// assert_eq!("exchange:1".parse::<Endpoint>().unwrap().address(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
}

/// Why a text is no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadEndpoint {
    /// There is no host, no port, or no colon between them.
    Parts,
    /// The port is none.
    Port,
}

impl fmt::Display for BadEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadEndpoint::Parts => "HOST:PORT is wanted, an IPv6 address in brackets",
            BadEndpoint::Port => "the port is no number from 0 to 65535",
        })
    }
}

impl std::error::Error for BadEndpoint {}

impl Endpoint {
    /// The name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address, if no name has to be looked up for it.
    pub fn address(&self) -> Option<SocketAddr> {
        let host: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(host, self.port))
    }
}

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    fn from_str(text: &str) -> Result<Self, BadEndpoint> {
        let (host, port) = text.rsplit_once(':').ok_or(BadEndpoint::Parts)?;
        let inner = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let host = inner.unwrap_or(host);
        if host.is_empty() || inner.is_none() && host.contains(':') {
            return Err(BadEndpoint::Parts);
        }
        Ok(Self {
            host: host.to_string(),
            port: port.parse().map_err(|_| BadEndpoint::Port)?,
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_endpoint_is_refused_with_the_reason() {
        let error = |text: &str| text.parse::<Endpoint>().unwrap_err();
        for text in ["", "host", ":80", "[]:80", "::1:80"] {
            assert_eq!(error(text), BadEndpoint::Parts, "{text}");
        }
        for text in ["host:", "host:x", "host:65536", "host:-1", "[::1]"] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
        assert_eq!(
            error("host:65536").to_string(),
            "the port is no number from 0 to 65535"
        );
    }
}
