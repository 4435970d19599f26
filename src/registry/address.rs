//! Which network addresses may be connected, checked on the very address a connection is made to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// What kind of place an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressClass {
    /// Routed on the internet.
    Public,
    /// An organisation's own network.
    Private,
    /// This machine.
    Loopback,
    /// Metadata services, link-local, multicast, unspecified and reserved ranges.
    Never,
}

impl AddressClass {
    /// The class of an address; IPv4 in any IPv6 disguise counts as what it is.
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => class_v4(v4),
            IpAddr::V6(v6) => class_v6(v6),
        }
    }
}

fn class_v4(ip: Ipv4Addr) -> AddressClass {
    let [a, b, c, _] = ip.octets();
    if ip.is_loopback() {
        AddressClass::Loopback
    } else if ip.is_private() || (a == 100 && (64..128).contains(&b)) {
        AddressClass::Private
    } else if a == 0
        || a >= 224
        || ip.is_link_local()
        || ip.is_documentation()
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (b == 18 || b == 19))
    {
        AddressClass::Never
    } else {
        AddressClass::Public
    }
}

fn class_v6(ip: Ipv6Addr) -> AddressClass {
    let [a, b, c, .., g, h] = ip.segments();
    let embedded = |high: u16, low: u16| {
        let [w, x] = high.to_be_bytes();
        let [y, z] = low.to_be_bytes();
        class_v4(Ipv4Addr::new(w, x, y, z))
    };
    if let Some(v4) = ip.to_ipv4_mapped() {
        class_v4(v4)
    } else if ip.is_loopback() {
        AddressClass::Loopback
    } else if (a, b) == (0x64, 0xff9b) {
        embedded(g, h)
    } else if a == 0x2002 {
        embedded(b, c)
    } else if (a, b, h) == (0xfd00, 0x0ec2, 0x0254) {
        AddressClass::Never
    } else if a & 0xfe00 == 0xfc00 {
        AddressClass::Private
    } else if a & 0xe000 != 0x2000 || (a, b) == (0x2001, 0x0db8) || (a, b) == (0x2001, 0) {
        AddressClass::Never
    } else {
        AddressClass::Public
    }
}

/// How far a connection may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reach {
    /// The internet only.
    Public,
    /// Private networks too.
    Private,
    /// Private networks and this machine too: hosts the operator listed.
    Local,
}

impl Reach {
    /// Whether an address of this class may be connected.
    pub(super) fn permits(self, class: AddressClass) -> bool {
        match class {
            AddressClass::Public => true,
            AddressClass::Private => self != Self::Public,
            AddressClass::Loopback => self == Self::Local,
            AddressClass::Never => false,
        }
    }

    /// How far somebody at `address` may send us on: never closer to home than where they are themselves.
    pub(super) fn onwards(address: Option<SocketAddr>) -> Self {
        match address.map(|a| AddressClass::of(a.ip())) {
            Some(AddressClass::Loopback) => Self::Local,
            Some(AddressClass::Private) => Self::Private,
            _ => Self::Public,
        }
    }
}

/// A name led only to addresses that may not be connected.
#[derive(Debug, thiserror::Error)]
#[error("it has only addresses that are private, local or reserved")]
pub(super) struct BlockedAddress;

/// Asks for the addresses of a name.
pub(super) type Lookup = fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

/// What the system knows.
pub(super) fn system(name: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
}

/// Resolves names and hands on only the addresses within reach, so that the checked address is the connected one: each
/// connection asks anew and goes to what that answer allowed, never to what another answer says.
pub(super) struct GuardedResolver {
    pub(super) reach: Reach,
    pub(super) lookup: Lookup,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach;
        let found = (self.lookup)(name.as_str().to_owned());
        Box::pin(async move {
            let found = found.await?;
            let any = !found.is_empty();
            let permitted: Vec<SocketAddr> = found
                .into_iter()
                .filter(|a| reach.permits(AddressClass::of(a.ip())))
                .collect();
            if permitted.is_empty() && any {
                return Err(BlockedAddress.into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_disguise_of_a_local_address_is_seen() {
        for (text, class) in [
            ("8.8.8.8", AddressClass::Public),
            ("10.1.2.3", AddressClass::Private),
            ("100.64.0.1", AddressClass::Private),
            ("172.31.0.1", AddressClass::Private),
            ("127.8.9.1", AddressClass::Loopback),
            ("169.254.169.254", AddressClass::Never),
            ("0.0.0.0", AddressClass::Never),
            ("255.255.255.255", AddressClass::Never),
            ("::1", AddressClass::Loopback),
            ("::", AddressClass::Never),
            ("::ffff:127.0.0.1", AddressClass::Loopback),
            ("::ffff:169.254.169.254", AddressClass::Never),
            ("64:ff9b::a9fe:a9fe", AddressClass::Never),
            ("2002:7f00:1::", AddressClass::Loopback),
            ("fe80::1", AddressClass::Never),
            ("fd00:ec2::254", AddressClass::Never),
            ("fd12::1", AddressClass::Private),
            ("ff02::1", AddressClass::Never),
            ("2606:4700::1111", AddressClass::Public),
        ] {
            assert_eq!(AddressClass::of(text.parse().unwrap()), class, "{text}");
        }
    }

    #[test]
    fn nobody_sends_us_closer_to_home_than_they_are() {
        let at = |text: &str| Reach::onwards(Some(text.parse().unwrap()));
        assert_eq!(at("8.8.8.8:443"), Reach::Public);
        assert_eq!(at("10.0.0.1:443"), Reach::Private);
        assert_eq!(at("127.0.0.1:80"), Reach::Local);
        assert_eq!(Reach::onwards(None), Reach::Public);
        assert!(!Reach::Private.permits(AddressClass::Loopback));
        assert!(!Reach::Local.permits(AddressClass::Never));
    }
}
