//! Blocks of IP addresses.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// A block of addresses of one family. IPv4 addresses that are mapped into IPv6 (RFC 4291 section 2.5.5.2) are IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block(IpNet);

impl Block {
    /// Reads `address/length`; bits after the length are ignored. The error says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (address, length) = text.split_once('/').ok_or("there is no `/` and length")?;
        let address: IpAddr = address
            .parse()
            .map_err(|_| "what stands before the `/` is no IPv4 or IPv6 address, or has leading zeros")?;
        let plain = !length.is_empty()
            && length.bytes().all(|b| b.is_ascii_digit())
            && (length == "0" || !length.starts_with('0'));
        if !plain {
            return Err("the length is no plain number");
        }
        let net = length.parse().ok().and_then(|length| IpNet::new(address, length).ok());
        net.map(as_ipv4_where_mapped).map(Self).ok_or("the length is more than the address has bits")
    }

    /// The block.
    pub(crate) fn net(&self) -> IpNet {
        self.0
    }

    /// Whether a text is an address of the block.
    pub(crate) fn contains(&self, text: &str) -> bool {
        text.parse::<IpAddr>().is_ok_and(|address| self.0.contains(&address.to_canonical()))
    }
}

fn as_ipv4_where_mapped(net: IpNet) -> IpNet {
    if let IpNet::V6(block) = net
        && let Some(address) = block.addr().to_ipv4_mapped()
        && let Some(length) = block.prefix_len().checked_sub(96)
        && let Ok(block) = Ipv4Net::new(address, length)
    {
        return IpNet::V4(block);
    }
    net
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(block: &str, address: &str) -> bool {
        Block::parse(block).unwrap().contains(address)
    }

    #[test]
    fn families_do_not_mix_but_mapped_addresses_are_ipv4() {
        assert!(holds("10.0.0.0/8", "10.255.0.1"));
        assert!(holds("10.0.0.0/8", "::ffff:10.0.0.1"));
        assert!(holds("10.0.0.0/8", "::FFFF:a00:1"));
        assert!(holds("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(!holds("::/0", "10.0.0.1"));
        assert!(!holds("::/0", "::ffff:10.0.0.1"));
        assert!(!holds("0.0.0.0/0", "::1"));
        assert!(!holds("10.0.0.0/8", "::10.0.0.1"));
    }

    #[test]
    fn host_bits_are_ignored_and_whole_addresses_are_blocks() {
        assert!(holds("10.1.2.3/8", "10.9.9.9"));
        assert!(holds("10.1.2.3/32", "10.1.2.3"));
        assert!(!holds("10.1.2.3/32", "10.1.2.4"));
        assert!(holds("0.0.0.0/0", "255.255.255.255"));
        assert!(holds("2001:db8::1/128", "2001:DB8:0::1"));
    }

    #[test]
    fn only_plain_addresses_are_addresses() {
        for text in
            ["10.0.0.01", "010.0.0.1", "10.1", "[2001:db8::1]", "2001:db8::1%eth0", " 10.0.0.1", "10.0.0.1/32", ""]
        {
            assert!(!holds("0.0.0.0/0", text) && !holds("::/0", text), "{text}");
        }
    }

    #[test]
    fn a_malformed_block_says_why() {
        for (block, reason) in [
            ("10.0.0.0", "there is no `/` and length"),
            ("10.0.0/8", "what stands before the `/` is no IPv4 or IPv6 address, or has leading zeros"),
            ("10.0.0.00/8", "what stands before the `/` is no IPv4 or IPv6 address, or has leading zeros"),
            ("10.0.0.0/08", "the length is no plain number"),
            ("10.0.0.0/+8", "the length is no plain number"),
            ("10.0.0.0/", "the length is no plain number"),
            ("10.0.0.0/33", "the length is more than the address has bits"),
            ("::/129", "the length is more than the address has bits"),
            ("10.0.0.0/999", "the length is more than the address has bits"),
            ("10.0.0.0/8/8", "the length is no plain number"),
        ] {
            assert_eq!(Block::parse(block), Err(reason), "{block}");
        }
    }
}
