//! `--udp`: the address of one line, its interface and its sender.

use crate::endpoint::{BadEndpoint, Endpoint};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// `ADDR:PORT[,interface=NAME|ADDR][,source=ADDR]`.
///
/// ```
/// use nexus_gateway::config::UdpLine;
///
/// let line: UdpLine = "239.1.1.1:9001,interface=eth1,source=10.0.0.7".parse().unwrap();
/// assert_eq!(line.endpoint.to_string(), "239.1.1.1:9001");
/// assert_eq!(line.interface.as_deref(), Some("eth1"));
/// assert_eq!(line.source, Some("10.0.0.7".parse().unwrap()));
/// let error = "239.1.1.1:9001,port=7".parse::<UdpLine>().unwrap_err();
/// assert_eq!(error.to_string(), "'port=7' is neither interface=NAME nor source=ADDR");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpLine {
    /// Our address or a multicast group, and the port.
    pub endpoint: Endpoint,
    /// The interface through which a group is joined: its name, or our address there.
    pub interface: Option<String>,
    /// The sender, if packets of others are to be passed over.
    pub source: Option<IpAddr>,
}

/// Why a text names no line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadLine {
    /// The address is none.
    Endpoint(BadEndpoint),
    /// The source is no address.
    Source(String),
    /// An option that there is not, or twice.
    Option(String),
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadLine::Endpoint(error) => error.fmt(f),
            BadLine::Source(text) => write!(f, "source '{}' is no address", text.escape_debug()),
            BadLine::Option(text) => write!(
                f,
                "'{}' is neither interface=NAME nor source=ADDR",
                text.escape_debug()
            ),
        }
    }
}

impl std::error::Error for BadLine {}

impl FromStr for UdpLine {
    type Err = BadLine;

    fn from_str(text: &str) -> Result<Self, BadLine> {
        let mut parts = text.split(',');
        let endpoint = parts.next().unwrap_or_default().parse();
        let mut line = Self {
            endpoint: endpoint.map_err(BadLine::Endpoint)?,
            interface: None,
            source: None,
        };
        for part in parts {
            match part.split_once('=') {
                Some(("interface", name)) if line.interface.is_none() && !name.is_empty() => {
                    line.interface = Some(name.to_string());
                }
                Some(("source", address)) if line.source.is_none() => {
                    let parsed = address.parse();
                    let parsed = parsed.map_err(|_| BadLine::Source(address.to_string()))?;
                    line.source = Some(parsed);
                }
                _ => return Err(BadLine::Option(part.to_string())),
            }
        }
        Ok(line)
    }
}
