//! /proc/net: tables of sockets.
use super::address::any;
use super::{Address, Family, Socket, SocketType, State};
use crate::{Kernel, Tid};
use std::fmt::Write;
use std::net::IpAddr;

/// /proc/net/dev, one interface of it.
pub(crate) fn dev(_: &mut Kernel, _: Tid) -> Vec<u8> {
    DEV.into()
}

/// /proc/net/if_inet6: `::1`.
pub(crate) fn if_inet6(_: &mut Kernel, _: Tid) -> Vec<u8> {
    b"00000000000000000000000000000001 01 80 10 80       lo\n".to_vec()
}

/// /proc/net/route: none leads away.
pub(crate) fn route(_: &mut Kernel, _: Tid) -> Vec<u8> {
    b"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n".to_vec()
}

pub(crate) fn tcp(kernel: &mut Kernel, _: Tid) -> Vec<u8> {
    inet(kernel, Family::Inet, SocketType::Stream)
}

pub(crate) fn tcp6(kernel: &mut Kernel, _: Tid) -> Vec<u8> {
    inet(kernel, Family::Inet6, SocketType::Stream)
}

pub(crate) fn udp(kernel: &mut Kernel, _: Tid) -> Vec<u8> {
    inet(kernel, Family::Inet, SocketType::Datagram)
}

pub(crate) fn udp6(kernel: &mut Kernel, _: Tid) -> Vec<u8> {
    inet(kernel, Family::Inet6, SocketType::Datagram)
}

/// Packets are not counted.
const DEV: &str = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
";

/// Addresses are the words of the host's order that lie in memory.
fn hexadecimal(family: Family, address: Option<&Address>) -> String {
    let (ip, port) = match address {
        Some(&Address::Inet(ip, port)) => (ip, port),
        _ => (any(family), 0),
    };
    let octets = match (family, ip) {
        (Family::Inet6, IpAddr::V4(ip)) => ip.to_ipv6_mapped().octets().to_vec(),
        (_, IpAddr::V4(ip)) => ip.octets().to_vec(),
        (_, IpAddr::V6(ip)) => ip.octets().to_vec(),
    };
    let words = octets.as_chunks::<4>().0.iter().map(|&word| format!("{:08X}", u32::from_le_bytes(word)));
    format!("{}:{port:04X}", words.collect::<String>())
}

fn state(socket: &Socket) -> u32 {
    match (socket.kind, socket.state) {
        (_, State::Listening) => 10,
        (SocketType::Stream, State::Connecting) => 2,
        (SocketType::Stream, State::Connected) => match (socket.shut_read, socket.shut_write) {
            (false, false) => 1,
            (true, false) => 8,
            (false, true) => 5,
            (true, true) => 7,
        },
        (_, State::Connected) => 1,
        _ => 7,
    }
}

fn inet(kernel: &mut Kernel, family: Family, kind: SocketType) -> Vec<u8> {
    let mut text = String::from(if family == Family::Inet6 {
        "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    } else {
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    });
    let sockets = kernel.net.sockets.values().filter(|socket| (socket.family, socket.kind) == (family, kind));
    for (at, socket) in sockets.filter(|socket| socket.local.is_some()).enumerate() {
        let _ = writeln!(
            text,
            "{at:4}: {} {} {:02X} {:08X}:{:08X} 00:00000000 00000000 {:5}        0 {} 1 0000000000000000",
            hexadecimal(family, socket.local.as_ref()),
            hexadecimal(family, socket.remote.as_ref()),
            state(socket),
            socket.sent,
            if socket.state == State::Listening { socket.pending.len() } else { socket.unread() },
            socket.owner[1],
            socket.inode,
        );
    }
    text.into_bytes()
}

pub(crate) fn unix(kernel: &mut Kernel, _: Tid) -> Vec<u8> {
    const ACCEPTING: u32 = 0x1_0000;
    let mut text = String::from("Num       RefCount Protocol Flags    Type St Inode Path\n");
    for socket in kernel.net.sockets.values().filter(|socket| socket.is_unix()) {
        let (kind, connected) = match socket.kind {
            SocketType::Stream => (1, socket.state == State::Connected),
            SocketType::Datagram => (2, socket.peer.is_some()),
            SocketType::SeqPacket => (5, socket.state == State::Connected),
        };
        let listens = socket.state == State::Listening;
        let _ = write!(
            text,
            "0000000000000000: {:08X} 00000000 {:08X} {kind:04X} {:02X} {:5}",
            2 + socket.pending.len(),
            if listens { ACCEPTING } else { 0 },
            if connected { 3 } else { 1 },
            socket.inode,
        );
        if let Some(Address::Unix(name)) = socket.local.as_ref().filter(|name| **name != Address::Unix(Vec::new())) {
            let shown = name.iter().map(|&byte| if byte == 0 { '@' } else { char::from(byte) });
            text.push(' ');
            text.extend(shown);
        }
        text.push('\n');
    }
    text.into_bytes()
}
