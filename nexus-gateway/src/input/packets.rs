//! Packets out of a capture: pcap in both byte orders, with microseconds or nanoseconds,
//! and pcapng with any number of sections and interfaces.

use super::{Bytes, Whole};
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};
use std::io;

/// What is read at a time, until a block is longer.
const BUFFER: usize = 1 << 20;

/// No block is longer.
const LONGEST_BLOCK: usize = 256 << 20;

/// Calls `take` for each packet: with its link type, its bytes, and whether it was cut when
/// it was captured.
///
/// # Errors
///
/// If the capture cannot be read to its end. The packets before that were taken.
pub(super) fn read(bytes: Bytes, mut take: impl FnMut(Linktype, &[u8], bool)) -> io::Result<()> {
    let mut reader =
        create_reader(BUFFER, Whole::of("captured", bytes)).map_err(|e| damaged(0, &e))?;
    let mut links = Vec::new();
    let mut at = 0;
    loop {
        match reader.next() {
            Ok((length, block)) => {
                of_block(block, &mut links, &mut take);
                reader.consume(length);
                at += length as u64;
            }
            Err(PcapError::Eof) => return Ok(()),
            Err(PcapError::Incomplete(_)) => more(reader.as_mut(), at)?,
            Err(PcapError::BufferTooSmall) => {
                let larger = reader.data().len().max(BUFFER) * 2;
                if larger > LONGEST_BLOCK || !reader.grow(larger) {
                    let text =
                        format!("capture, byte {at}: a block of more than {LONGEST_BLOCK} bytes");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                }
                more(reader.as_mut(), at)?;
            }
            Err(error) => return Err(damaged(at, &error)),
        }
    }
}

/// Reads on, in the midst of a block.
fn more(reader: &mut dyn PcapReaderIterator, at: u64) -> io::Result<()> {
    let before = reader.data().len();
    reader.refill().map_err(|e| damaged(at, &e))?;
    // With nothing left the end is a good one, and `next` says so.
    match before > 0 && reader.data().len() == before {
        true => Err(damaged(at, &PcapError::UnexpectedEof::<&[u8]>)),
        false => Ok(()),
    }
}

fn of_block(
    block: PcapBlockOwned<'_>,
    links: &mut Vec<Linktype>,
    take: &mut impl FnMut(Linktype, &[u8], bool),
) {
    let link_of = |links: &[Linktype], interface: u32| {
        let link = links.get(interface as usize);
        // A packet of an interface that was not described is of no known kind.
        link.copied().unwrap_or(Linktype(i32::MAX))
    };
    match block {
        PcapBlockOwned::LegacyHeader(header) => *links = vec![header.network],
        PcapBlockOwned::Legacy(packet) => {
            let cut = packet.caplen < packet.origlen;
            take(link_of(links, 0), packet.data, cut);
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => links.clear(),
        PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
            links.push(interface.linktype)
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let cut = packet.caplen < packet.origlen;
            take(link_of(links, packet.if_id), packet.packet_data(), cut);
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
            let data = packet.packet_data();
            take(
                link_of(links, 0),
                data,
                data.len() < packet.origlen as usize,
            );
        }
        PcapBlockOwned::NG(_) => {}
    }
}

fn damaged<I: std::fmt::Debug>(at: u64, error: &PcapError<I>) -> io::Error {
    let (kind, why) = match error {
        PcapError::Eof | PcapError::UnexpectedEof | PcapError::Incomplete(_) => (
            io::ErrorKind::UnexpectedEof,
            "it ends in the midst of a block",
        ),
        PcapError::ReadError => (io::ErrorKind::Other, "it cannot be read any further"),
        _ => (io::ErrorKind::InvalidData, "what is there is no block"),
    };
    io::Error::new(kind, format!("capture, byte {at}: {why}"))
}
