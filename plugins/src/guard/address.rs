//! What an address is for: the public internet, or something that only stands inside.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not one of the public internet (IANA special-purpose address registries, RFC 6890).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `0.0.0.0/8` and `::`: this machine, on most systems.
    Unspecified,
    /// `127.0.0.0/8` and `::1`.
    Loopback,
    /// `10.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16` (RFC 1918), and the old `fec0::/10`.
    Private,
    /// `169.254.0.0/16` and `fe80::/10`: where clouds keep their metadata.
    LinkLocal,
    /// `fc00::/7` (RFC 4193).
    UniqueLocal,
    /// `100.64.0.0/10` (RFC 6598).
    SharedNat,
    /// `224.0.0.0/4` and `ff00::/8`.
    Multicast,
    /// `192.0.2.0/24`, `198.51.100.0/24`, `203.0.113.0/24`, `2001:db8::/32`, `3fff::/20`.
    Documentation,
    /// `198.18.0.0/15` and `2001:2::/48`.
    Benchmarking,
    /// Whatever else is not routed on the internet: `192.0.0.0/24`, `240.0.0.0/4`, and all of IPv6 outside `2000::/3`.
    Reserved,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "an unspecified address",
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::UniqueLocal => "a unique-local address",
            Self::SharedNat => "a carrier-grade NAT address",
            Self::Multicast => "a multicast address",
            Self::Documentation => "a documentation address",
            Self::Benchmarking => "a benchmarking address",
            Self::Reserved => "a reserved address",
        })
    }
}

/// What keeps an address from being one of the public internet; none when it is one. An IPv6 address that stands for
/// an IPv4 one is what that one is.
#[must_use]
pub fn classify(address: IpAddr) -> Option<Kind> {
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => classify_v6(address),
    }
}

fn classify_v4(address: Ipv4Addr) -> Option<Kind> {
    Some(match address.octets() {
        [0, ..] => Kind::Unspecified,
        [127, ..] => Kind::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Kind::Private,
        [169, 254, ..] => Kind::LinkLocal,
        [100, 64..=127, ..] => Kind::SharedNat,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Kind::Documentation,
        [198, 18..=19, ..] => Kind::Benchmarking,
        // 192.88.99.0/24 was the anycast of 6to4 relays: who announces it chooses where it leads.
        [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => Kind::Reserved,
        [224..=239, ..] => Kind::Multicast,
        _ => return None,
    })
}

fn classify_v6(address: Ipv6Addr) -> Option<Kind> {
    let segments = address.segments();
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => return Some(Kind::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => return Some(Kind::Loopback),
        _ => {}
    }
    if let Some(inside) = embedded(segments) {
        return classify_v4(inside);
    }
    Some(match segments {
        [0xfe80..=0xfebf, ..] => Kind::LinkLocal,
        [0xfec0..=0xfeff, ..] => Kind::Private,
        [0xfc00..=0xfdff, ..] => Kind::UniqueLocal,
        [0xff00..=0xffff, ..] => Kind::Multicast,
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Kind::Documentation,
        [0x2001, 2, 0, ..] => Kind::Benchmarking,
        // Protocol assignments, Teredo and ORCHID among them (2001::/23); what is outside 2000::/3 is not assigned.
        [0x2001, 0..=0x01ff, ..] => Kind::Reserved,
        [0x2000..=0x3fff, ..] => return None,
        _ => Kind::Reserved,
    })
}

/// The IPv4 address that an IPv6 one stands for: mapped (`::ffff:0:0/96`), compatible (`::/96`), translated
/// (`::ffff:0:0:0/96`), NAT64 (`64:ff9b::/96` and, for use inside, `64:ff9b:1::/48`), 6to4 (`2002::/16`), ISATAP.
fn embedded(segments: [u16; 8]) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [_, _, _, _, 0 | 0x0200, 0x5efe, high, low] => {
            // A prefix for use inside never leads out, whatever it ends in.
            let is_inside = segments[0] == 0x64 && segments[2] == 1;
            Some(if is_inside { Ipv4Addr::new(10, 0, 0, 1) } else { v4(high, low) })
        }
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(address: &str) -> Option<Kind> {
        classify(address.parse().unwrap())
    }

    #[test]
    fn every_special_range_is_known_to_its_ends() {
        let table = [
            (Kind::Unspecified, "0.0.0.0 0.255.255.255 ::"),
            (Kind::Loopback, "127.0.0.0 127.0.0.1 127.255.255.255 ::1"),
            (Kind::Private, "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255 fec0::1"),
            (Kind::LinkLocal, "169.254.0.0 169.254.0.23 169.254.169.254 169.254.255.255 fe80:: fe80::1 febf:ffff::1"),
            (Kind::UniqueLocal, "fc00:: fd00::1 fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Kind::SharedNat, "100.64.0.0 100.100.100.200 100.127.255.255"),
            (Kind::Multicast, "224.0.0.1 239.255.255.255 ff00:: ff02::1"),
            (Kind::Documentation, "192.0.2.1 198.51.100.255 203.0.113.0 2001:db8::1 3fff::1 3fff:fff::1"),
            (Kind::Benchmarking, "198.18.0.0 198.19.255.255 2001:2::1"),
            (
                Kind::Reserved,
                "192.0.0.1 192.88.99.1 240.0.0.1 255.255.255.255 100::1 2001::1 2001:10::1 4000::1 5f00::1",
            ),
        ];
        for (expected, addresses) in table {
            for address in addresses.split(' ') {
                assert_eq!(kind(address), Some(expected), "{address}");
            }
        }
    }

    #[test]
    fn what_lies_beside_a_special_range_is_public() {
        let public = "1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 \
                      169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0 \
                      198.17.255.255 198.20.0.0 198.51.101.0 203.0.114.0 223.255.255.255 2000::1 2001:200::1 \
                      2001:db9::1 2400:3200::1 2606:4700::1 3fff:1000::1 2003::1";
        for address in public.split_whitespace() {
            assert_eq!(kind(address), None, "{address}");
        }
    }

    #[test]
    fn an_address_within_another_counts_as_what_it_is() {
        let table = [
            ("::ffff:127.0.0.1", Some(Kind::Loopback)),
            ("::ffff:169.254.169.254", Some(Kind::LinkLocal)),
            ("::ffff:0.0.0.0", Some(Kind::Unspecified)),
            ("::ffff:1.1.1.1", None),
            ("::10.0.0.1", Some(Kind::Private)),
            ("::ffff:0:10.0.0.1", Some(Kind::Private)),
            ("2002:7f00:1::1", Some(Kind::Loopback)),
            ("2002:a9fe:a9fe::", Some(Kind::LinkLocal)),
            ("2002:101:101::1", None),
            ("64:ff9b::10.1.2.3", Some(Kind::Private)),
            ("64:ff9b::169.254.169.254", Some(Kind::LinkLocal)),
            ("64:ff9b::1.1.1.1", None),
            ("64:ff9b:1::1.1.1.1", Some(Kind::Private)),
            ("2400:3200::5efe:10.0.0.1", Some(Kind::Private)),
            ("2400:3200::200:5efe:127.0.0.1", Some(Kind::Loopback)),
        ];
        for (address, expected) in table {
            assert_eq!(kind(address), expected, "{address}");
        }
    }
}
