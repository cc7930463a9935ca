//! The sockets of a reception: one a line, and one more from which requests leave.
//!
//! Each line binds the address of its group: two wildcard sockets on one port would each
//! get the packets of both groups. A socket that is bound to a group cannot be answered,
//! so requests have a socket of their own.

use super::addresses;
use super::error::LinkError;
use crate::config::{ReceiveConfig, UdpLine};
use crate::endpoint::Endpoint;
use nexus_async_rt::net::UdpSocket;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tracing::warn;

/// One line.
pub(super) struct Line {
    pub(super) socket: UdpSocket,
    pub(super) source: Option<IpAddr>,
}

/// All of them.
pub(super) struct Sockets {
    pub(super) lines: Vec<Line>,
    pub(super) requests: UdpSocket,
    /// Where lost messages are asked for.
    pub(super) services: Vec<SocketAddr>,
}

/// Looks up and binds what `config` names.
pub(super) async fn open(config: &ReceiveConfig) -> Result<Sockets, LinkError> {
    let mut services = Vec::new();
    for endpoint in config.services() {
        let found = addresses(endpoint).await;
        services.push(found.map_err(fail("find", endpoint))?[0]);
    }
    let mut lines = Vec::new();
    for (number, line) in config.udp.iter().enumerate() {
        let endpoint = &line.endpoint;
        let found = addresses(endpoint).await;
        let address = found.map_err(fail("find", endpoint))?[0];
        let socket = bind(line, address, services[0]).map_err(fail("receive at", endpoint))?;
        grant(&socket, number, config.recv_buffer);
        let source = line.source;
        lines.push(Line { socket, source });
    }
    let any = match services[0] {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let requests = UdpSocket::bind(any).map_err(fail("ask", config.services()[0]))?;
    Ok(Sockets {
        lines,
        requests,
        services,
    })
}

fn fail(action: &'static str, endpoint: &Endpoint) -> impl Fn(io::Error) -> LinkError + use<> {
    let endpoint = endpoint.clone();
    move |error| LinkError::Address {
        action,
        endpoint: endpoint.clone(),
        error,
    }
}

/// Binds the address of a line, and joins it if it is a group.
fn bind(line: &UdpLine, address: SocketAddr, service: SocketAddr) -> io::Result<UdpSocket> {
    if !address.ip().is_multicast() {
        return UdpSocket::bind(address);
    }
    let socket = UdpSocket::bind_shared(address)?;
    match (address.ip(), line.source) {
        (IpAddr::V4(group), None) => socket.join_multicast_v4(group, interface(line, service)?)?,
        (IpAddr::V4(group), Some(IpAddr::V4(source))) => {
            socket.join_ssm_v4(group, source, interface(line, service)?)?;
        }
        (IpAddr::V6(group), None) => {
            socket.join_multicast_v6(group, interface_index(line)?)?;
        }
        (group, Some(source)) => {
            let text = format!("group {group} cannot be joined from source {source}");
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
    }
    Ok(socket)
}

/// Our address on the interface of a line; without one, on the way to `service`.
fn interface(line: &UdpLine, service: SocketAddr) -> io::Result<Ipv4Addr> {
    let Some(name) = &line.interface else {
        return on_the_way_to(service);
    };
    if let Ok(address) = name.parse() {
        return Ok(address);
    }
    let found = if_addrs::get_if_addrs()?.into_iter();
    let mut ours = found.filter(|interface| interface.name == *name);
    ours.find_map(|interface| match interface.ip() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    })
    .ok_or_else(|| no_interface(name))
}

fn interface_index(line: &UdpLine) -> io::Result<u32> {
    let Some(name) = &line.interface else {
        return Ok(0);
    };
    let mut found = if_addrs::get_if_addrs()?.into_iter();
    let named = |interface: &if_addrs::Interface| {
        interface.name == *name || interface.ip().to_string() == *name
    };
    found
        .find(named)
        .and_then(|interface| interface.index)
        .ok_or_else(|| no_interface(name))
}

fn no_interface(name: &str) -> io::Error {
    let text = format!("there is no interface '{}'", name.escape_debug());
    io::Error::new(io::ErrorKind::NotFound, text)
}

/// Our address on the way to `service`; any, if that is no IPv4 address.
fn on_the_way_to(service: SocketAddr) -> io::Result<Ipv4Addr> {
    if service.is_ipv6() {
        return Ok(Ipv4Addr::UNSPECIFIED);
    }
    let probe = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // Sends nothing: it asks which way it would be.
    probe.connect(service)?;
    match probe.local_addr()?.ip() {
        IpAddr::V4(ours) => Ok(ours),
        IpAddr::V6(_) => Ok(Ipv4Addr::UNSPECIFIED),
    }
}

/// Asks for a buffer, and says so if less is granted: more is lost then.
fn grant(socket: &UdpSocket, line: usize, wanted: usize) {
    let asked = socket.set_recv_buffer_size(wanted);
    // Linux counts its own overhead in what it reports: twice what was asked for.
    let granted = socket.recv_buffer_size().unwrap_or(0) / 2;
    if asked.is_err() || granted < wanted {
        warn!(
            "line {}: the kernel holds {granted} bytes of the {wanted} of --recv-buffer; \
             sysctl net.core.rmem_max limits them",
            super::lines::letter(line)
        );
    }
}

/// How many datagrams the kernel had no room for in this socket, where it says so.
pub(super) fn kernel_drops(socket: &UdpSocket) -> Option<u64> {
    let inode = rustix::fs::fstat(socket).ok()?.st_ino.to_string();
    ["/proc/net/udp", "/proc/net/udp6"].iter().find_map(|path| {
        let table = std::fs::read_to_string(path).ok()?;
        // The inode is the tenth field, the drops are the last.
        let mut rows = table.lines().map(|row| row.split_ascii_whitespace());
        rows.find_map(|row| {
            let fields: Vec<_> = row.collect();
            let ours = fields.get(9) == Some(&inode.as_str());
            ours.then(|| fields.last()?.parse().ok()).flatten()
        })
    })
}
