//! Socket addresses: names of the file system, abstract names, and numbers of the loopback network (unix(7), ip(7), ipv6(7)).
use super::Family;
use crate::Result;
use abi::Errno;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(crate) const AF_UNSPEC: u16 = 0;
pub(crate) const AF_UNIX: u16 = 1;
pub(crate) const AF_INET: u16 = 2;
pub(crate) const AF_INET6: u16 = 10;

/// sizeof(struct sockaddr_storage): no address is longer.
pub(crate) const STORAGE: usize = 128;
const SUN_PATH: usize = 108;
const SOCKADDR_IN: usize = 16;
/// Without `sin6_scope_id`, which old programs do not have (SIN6_LEN_RFC2133).
const SOCKADDR_IN6_OLD: usize = 24;

/// Where a socket is, or should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Address {
    /// A path; an abstract name if it begins with a zero; nothing for a socket without a name.
    Unix(Vec<u8>),
    /// An IPv4-mapped IPv6 address is its IPv4 address here.
    Inet(IpAddr, u16),
}

impl Address {
    /// The family of a raw address.
    pub(crate) fn family_of(raw: &[u8]) -> Option<u16> {
        Some(u16::from_le_bytes(*raw.first_chunk()?))
    }

    /// What a guest says to a socket of `family`.
    pub(crate) fn decode(family: Family, raw: &[u8]) -> Result<Address> {
        match family {
            Family::Unix => Address::decode_unix(raw),
            Family::Inet | Family::Inet6 => Address::decode_inet(family, raw),
        }
    }

    /// `unix_validate_addr`, and the end of a path.
    fn decode_unix(raw: &[u8]) -> Result<Address> {
        let (family, path) = raw.split_first_chunk().ok_or(Errno::EINVAL)?;
        if path.is_empty() || path.len() > SUN_PATH || u16::from_le_bytes(*family) != AF_UNIX {
            return Err(Errno::EINVAL);
        }
        Ok(Address::Unix(match path.first() {
            Some(0) => path.to_vec(),
            _ => path.iter().copied().take_while(|&byte| byte != 0).collect(),
        }))
    }

    fn decode_inet(family: Family, raw: &[u8]) -> Result<Address> {
        let named = Address::family_of(raw).ok_or(Errno::EINVAL)?;
        let port = raw.get(2..4).map_or(0, |port| u16::from_be_bytes([port[0], port[1]]));
        match (family, named) {
            (Family::Inet, AF_INET) => {
                let ip: [u8; 4] = *raw.get(4..SOCKADDR_IN).and_then(|raw| raw.first_chunk()).ok_or(Errno::EINVAL)?;
                Ok(Address::Inet(Ipv4Addr::from(ip).into(), port))
            }
            (Family::Inet6, AF_INET6) => {
                let ip: [u8; 16] =
                    *raw.get(8..SOCKADDR_IN6_OLD).and_then(|raw| raw.first_chunk()).ok_or(Errno::EINVAL)?;
                Ok(Address::Inet(Ipv6Addr::from(ip).to_canonical(), port))
            }
            _ => Err(Errno::EAFNOSUPPORT),
        }
    }

    /// What a socket of `family` says of it to a guest.
    pub(crate) fn encode(&self, family: Family) -> Vec<u8> {
        match self {
            Address::Unix(name) => {
                let mut raw = AF_UNIX.to_le_bytes().to_vec();
                raw.extend(name);
                // A path has its zero with it.
                if name.first().is_some_and(|&byte| byte != 0) {
                    raw.push(0);
                }
                raw
            }
            Address::Inet(ip, port) => {
                let mut raw = (if family == Family::Inet6 { AF_INET6 } else { AF_INET }).to_le_bytes().to_vec();
                raw.extend(port.to_be_bytes());
                match (family, ip) {
                    (Family::Inet6, ip) => {
                        let ip = match ip {
                            IpAddr::V4(ip) if ip.is_unspecified() => Ipv6Addr::UNSPECIFIED,
                            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                            IpAddr::V6(ip) => *ip,
                        };
                        raw.extend([0; 4]);
                        raw.extend(ip.octets());
                        raw.extend([0; 4]);
                    }
                    (_, IpAddr::V4(ip)) => {
                        raw.extend(ip.octets());
                        raw.extend([0; 8]);
                    }
                    // An AF_INET socket never meets one.
                    (_, IpAddr::V6(_)) => raw.extend([0; 12]),
                }
                raw
            }
        }
    }
}

/// The address that stands for every one of the host.
pub(super) fn any(family: Family) -> IpAddr {
    if family == Family::Inet6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
}

/// The address a packet to `to` comes from.
pub(super) fn source(to: IpAddr) -> IpAddr {
    if to.is_ipv6() { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() }
}

/// The loopback address that a destination stands for: no other network can be reached.
pub(super) fn reachable(to: IpAddr) -> Result<IpAddr> {
    if to.is_unspecified() {
        return Ok(source(to));
    }
    if to.is_loopback() { Ok(to) } else { Err(Errno::ENETUNREACH) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        let decode = |raw: &[u8]| Address::decode(Family::Unix, raw);
        assert_eq!(decode(b"\x01\0/tmp/x\0junk"), Ok(Address::Unix(b"/tmp/x".to_vec())));
        assert_eq!(decode(b"\x01\0\0ab\0"), Ok(Address::Unix(b"\0ab\0".to_vec())));
        assert_eq!(decode(b"\x01\0"), Err(Errno::EINVAL));
        assert_eq!(decode(b"\x02\0x"), Err(Errno::EINVAL));
        assert_eq!(Address::Unix(b"/x".to_vec()).encode(Family::Unix), b"\x01\0/x\0");
        assert_eq!(Address::Unix(Vec::new()).encode(Family::Unix), b"\x01\0");
    }

    #[test]
    fn numbers_go_both_ways() {
        let v4 = [2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        let address = Address::decode(Family::Inet, &v4).expect("loopback");
        assert_eq!(address, Address::Inet(Ipv4Addr::LOCALHOST.into(), 80));
        assert_eq!(address.encode(Family::Inet), v4);
        let mapped = address.encode(Family::Inet6);
        assert_eq!((mapped.len(), &mapped[18..24]), (28, &[0xff, 0xff, 127, 0, 0, 1][..]));
        assert_eq!(Address::decode(Family::Inet6, &mapped), Ok(address));
        assert_eq!(Address::decode(Family::Inet, &mapped), Err(Errno::EAFNOSUPPORT));
        assert_eq!(Address::decode(Family::Inet, &v4[..8]), Err(Errno::EINVAL));
        assert_eq!(reachable(Ipv4Addr::new(10, 0, 0, 1).into()), Err(Errno::ENETUNREACH));
    }
}
