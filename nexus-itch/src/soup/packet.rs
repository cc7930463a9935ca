//! Packets: what they hold, and their bytes.

use crate::foreign::shown;
use crate::preview::Preview;
use crate::session::{NAME_LEN, SessionName, trimmed};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The bytes of a user's name.
pub const USER_LEN: usize = 6;

/// The bytes of a password.
pub const PASSWORD_LEN: usize = 10;

/// The bytes of a sequence number: decimal digits.
const NUMBER_LEN: usize = 20;

/// The length field and the type.
pub(super) const HEADER_LEN: usize = 3;

/// The longest message that a packet can carry, in bytes: its length field counts the
/// type, too.
pub const MAX_MESSAGE_LEN: usize = u16::MAX as usize - 1;

/// The longest packet, its length field included.
pub const MAX_PACKET_LEN: usize = HEADER_LEN + MAX_MESSAGE_LEN;

/// Text of at most `N` bytes. It is compared without padding, blanks or NULs on either
/// side, and without regard to case, as the protocol has it.
#[derive(Clone, Copy)]
pub struct Text<const N: usize>([u8; N]);

/// Who logs in.
pub type User = Text<USER_LEN>;

/// What proves it, in clear.
pub type Password = Text<PASSWORD_LEN>;

/// Why a text does not fit its field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadText {
    limit: usize,
}

impl fmt::Display for BadText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} letters and digits do", self.limit)
    }
}

impl std::error::Error for BadText {}

impl<const N: usize> PartialEq for Text<N> {
    fn eq(&self, other: &Self) -> bool {
        trimmed(&self.0).eq_ignore_ascii_case(trimmed(&other.0))
    }
}

impl<const N: usize> Eq for Text<N> {}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self([b' '; N])
    }
}

impl<const N: usize> FromStr for Text<N> {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        if text.len() > N || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(BadText { limit: N });
        }
        let mut field = [b' '; N];
        field[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self(field))
    }
}

// A password is not for logs, and the type serves both fields.
impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text<{N}>(..)")
    }
}

/// What a client asks for when it logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login {
    /// Who.
    pub user: User,
    /// And the proof.
    pub password: Password,
    /// Which session; none for the one there is.
    pub session: Option<SessionName>,
    /// The message wanted next; 0, which a blank field is read as, for the latest.
    pub sequence: u64,
}

/// The field of a login that asks for no session in particular.
const BLANK: SessionName = SessionName::from_bytes([b' '; NAME_LEN]);

/// Why a login is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// `A`: user or password is not known.
    NotAuthorized,
    /// `S`: there is no such session, or no such message in it yet.
    NoSession,
    /// A code that the protocol does not have.
    Other(u8),
}

impl Rejection {
    /// Whether the same login would be refused again. A session may yet begin.
    pub const fn is_final(self) -> bool {
        !matches!(self, Rejection::NoSession)
    }

    const fn code(self) -> u8 {
        match self {
            Rejection::NotAuthorized => b'A',
            Rejection::NoSession => b'S',
            Rejection::Other(code) => code,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rejection::NotAuthorized => write!(f, "A, user or password is not known"),
            Rejection::NoSession => write!(f, "S, no such session, or no such message in it"),
            Rejection::Other(code) => write!(
                f,
                "'{}' (0x{code:02x}), a code that the protocol does not have",
                shown(&[*code])
            ),
        }
    }
}

/// One packet; messages are borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `L`, the client's first.
    Login(Login),
    /// `A`, the server's first.
    Accepted {
        /// The session that is played.
        session: SessionName,
        /// The number of the message that comes next.
        sequence: u64,
    },
    /// `J`, the server's first and last.
    Rejected(Rejection),
    /// `S`, the next message.
    Sequenced(&'a [u8]),
    /// `H`.
    ServerHeartbeat,
    /// `R`.
    ClientHeartbeat,
    /// `Z`, the server's last.
    EndOfSession,
    /// `O`, the client's last.
    Logout,
    /// `+`, for people to read.
    Debug(&'a [u8]),
    /// `U`, outside the sequence.
    Unsequenced(&'a [u8]),
}

/// What is wrong with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoupFault {
    /// There is no such type.
    UnknownType {
        /// The type byte.
        kind: u8,
    },
    /// A packet without even a type.
    Empty,
    /// The length does not fit the type.
    Length {
        /// The type byte.
        kind: u8,
        /// The length field.
        found: usize,
        /// The least that it may say.
        least: usize,
        /// The most that it may say.
        most: usize,
    },
    /// A field does not hold what it should.
    Field {
        /// The field.
        name: &'static str,
        /// What it should hold.
        wanted: &'static str,
        /// What it holds.
        found: Preview,
    },
}

impl fmt::Display for SoupFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            SoupFault::UnknownType { kind } => {
                let kinds = [kind];
                let text = shown(&kinds);
                write!(f, "unknown packet type '{text}' (0x{kind:02x})")
            }
            SoupFault::Empty => write!(f, "packet length 0, the least is 1"),
            SoupFault::Length {
                kind,
                found,
                least,
                most,
            } => {
                let kinds = [kind];
                let text = shown(&kinds);
                write!(f, "packet length {found} does not fit type '{text}', ")?;
                match least == most {
                    true => write!(f, "which takes {least}"),
                    false => write!(f, "which takes {least} to {most}"),
                }
            }
            SoupFault::Field {
                name,
                wanted,
                found,
            } => write!(f, "the {name} is no {wanted}: {found}"),
        }
    }
}

impl std::error::Error for SoupFault {}

/// The lengths that a packet of type `kind` may say: type byte included, its
/// field not.
fn lengths(kind: u8) -> Option<RangeInclusive<usize>> {
    let body = match kind {
        b'L' => {
            let all = USER_LEN + PASSWORD_LEN + NAME_LEN + NUMBER_LEN;
            all..=all
        }
        b'A' => NAME_LEN + NUMBER_LEN..=NAME_LEN + NUMBER_LEN,
        b'J' => 1..=1,
        b'H' | b'R' | b'Z' | b'O' => 0..=0,
        b'S' | b'+' | b'U' => 0..=MAX_MESSAGE_LEN,
        _ => return None,
    };
    Some(1 + body.start()..=1 + body.end())
}

/// The length of the packet at the front of `bytes`, its length field
/// included; `None` if too few bytes are there to say. Rubbish is found by its
/// first three bytes.
pub(super) fn whole_len(bytes: &[u8]) -> Result<Option<usize>, SoupFault> {
    let Some((field, rest)) = bytes.split_first_chunk::<2>() else {
        return Ok(None);
    };
    let found = usize::from(u16::from_be_bytes(*field));
    if found == 0 {
        return Err(SoupFault::Empty);
    }
    let Some(&kind) = rest.first() else {
        return Ok(None);
    };
    let legal = lengths(kind).ok_or(SoupFault::UnknownType { kind })?;
    match legal.contains(&found) {
        true => Ok(Some(field.len() + found)),
        false => Err(SoupFault::Length {
            kind,
            found,
            least: *legal.start(),
            most: *legal.end(),
        }),
    }
}

impl<'a> Packet<'a> {
    /// Reads a whole packet; its length [`whole_len`] has checked.
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, SoupFault> {
        let (kind, body) = bytes[HEADER_LEN - 1..]
            .split_first()
            .ok_or(SoupFault::Empty)?;
        Ok(match kind {
            b'L' => Packet::Login(decode_login(body)?),
            b'A' => Packet::Accepted {
                session: SessionName::from_bytes(array(body, 0)),
                sequence: number("accepted sequence", &body[NAME_LEN..])?,
            },
            b'J' => Packet::Rejected(match body {
                b"A" => Rejection::NotAuthorized,
                b"S" => Rejection::NoSession,
                // Its length is checked: one byte.
                other => Rejection::Other(other.first().copied().unwrap_or_default()),
            }),
            b'S' => Packet::Sequenced(body),
            b'H' => Packet::ServerHeartbeat,
            b'R' => Packet::ClientHeartbeat,
            b'Z' => Packet::EndOfSession,
            b'O' => Packet::Logout,
            b'+' => Packet::Debug(body),
            b'U' => Packet::Unsequenced(body),
            &kind => return Err(SoupFault::UnknownType { kind }),
        })
    }

    /// The type byte.
    pub fn kind(&self) -> u8 {
        match self {
            Packet::Login(_) => b'L',
            Packet::Accepted { .. } => b'A',
            Packet::Rejected(_) => b'J',
            Packet::Sequenced(_) => b'S',
            Packet::ServerHeartbeat => b'H',
            Packet::ClientHeartbeat => b'R',
            Packet::EndOfSession => b'Z',
            Packet::Logout => b'O',
            Packet::Debug(_) => b'+',
            Packet::Unsequenced(_) => b'U',
        }
    }

    /// Appends the packet to `out`.
    ///
    /// # Panics
    ///
    /// If a message is longer than [`MAX_MESSAGE_LEN`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(&[0, 0, self.kind()]);
        match self {
            Packet::Login(login) => {
                out.extend_from_slice(&login.user.0);
                out.extend_from_slice(&login.password.0);
                out.extend_from_slice(&login.session.unwrap_or(BLANK).to_bytes());
                push_number(login.sequence, out);
            }
            Packet::Accepted { session, sequence } => {
                out.extend_from_slice(&session.left_padded());
                push_number(*sequence, out);
            }
            Packet::Rejected(reason) => out.push(reason.code()),
            Packet::Sequenced(bytes) | Packet::Debug(bytes) | Packet::Unsequenced(bytes) => {
                out.extend_from_slice(bytes);
            }
            Packet::ServerHeartbeat
            | Packet::ClientHeartbeat
            | Packet::EndOfSession
            | Packet::Logout => {}
        }
        let len = out.len() - begin - 2;
        let legal = lengths(self.kind()).is_some_and(|legal| legal.contains(&len));
        assert!(
            legal,
            "a packet of type '{}' and length {len}",
            char::from(self.kind())
        );
        // No legal length is longer than `MAX_PACKET_LEN`.
        out[begin..begin + 2].copy_from_slice(&(len as u16).to_be_bytes());
    }
}

fn decode_login(body: &[u8]) -> Result<Login, SoupFault> {
    const SESSION: usize = USER_LEN + PASSWORD_LEN;
    Ok(Login {
        user: Text(array(body, 0)),
        password: Text(array(body, USER_LEN)),
        session: SessionName::from_bytes(array(body, SESSION)).named(),
        sequence: match trimmed(&body[SESSION + NAME_LEN..]) {
            [] => 0,
            field => number("requested sequence", field)?,
        },
    })
}

fn array<const N: usize>(body: &[u8], at: usize) -> [u8; N] {
    let mut field = [b' '; N];
    field.copy_from_slice(&body[at..at + N]);
    field
}

fn number(name: &'static str, field: &[u8]) -> Result<u64, SoupFault> {
    let digits = trimmed(field);
    let plain = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits)
        .ok()
        .filter(|_| plain)
        .and_then(|text| text.parse().ok())
        .ok_or(SoupFault::Field {
            name,
            wanted: "decimal number below 2^64",
            found: Preview::of(field),
        })
}

fn push_number(number: u64, out: &mut Vec<u8>) {
    let text = number.to_string();
    out.resize(out.len() + NUMBER_LEN - text.len(), b' ');
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A packet of any type, messages owned.
    pub(in super::super) fn packets() -> impl Strategy<Value = Vec<u8>> {
        let session = "[A-Z0-9]{1,10}".prop_map(|name| name.parse().unwrap());
        let bytes = |most| proptest::collection::vec(any::<u8>(), 0..=most);
        let login = ("[a-z]{0,6}", "[a-z]{0,10}", session.clone(), any::<u64>());
        let encoded = |packet: Packet<'_>| {
            let mut out = Vec::new();
            packet.encode(&mut out);
            out
        };
        prop_oneof![
            login.prop_map(move |(user, password, session, sequence)| {
                encoded(Packet::Login(Login {
                    user: user.parse().unwrap(),
                    password: password.parse().unwrap(),
                    session: Some(session),
                    sequence,
                }))
            }),
            (session, any::<u64>()).prop_map(move |(session, sequence)| encoded(
                Packet::Accepted { session, sequence }
            )),
            bytes(60).prop_map(move |m| encoded(Packet::Sequenced(&m))),
            bytes(2_000).prop_map(move |m| encoded(Packet::Debug(&m))),
            bytes(40).prop_map(move |m| encoded(Packet::Unsequenced(&m))),
            prop_oneof![
                Just(Packet::Rejected(Rejection::NotAuthorized)),
                Just(Packet::Rejected(Rejection::NoSession)),
                Just(Packet::ServerHeartbeat),
                Just(Packet::ClientHeartbeat),
                Just(Packet::EndOfSession),
                Just(Packet::Logout),
            ]
            .prop_map(encoded),
        ]
    }

    #[test]
    fn a_login_has_the_bytes_of_the_specification() {
        let mut out = Vec::new();
        Packet::Login(Login {
            user: "nexus".parse().unwrap(),
            password: "secret".parse().unwrap(),
            session: "DAY1".parse().ok(),
            sequence: 42,
        })
        .encode(&mut out);
        let expected = [
            &b"\0\x2fL"[..],
            b"nexus ",
            b"secret    ",
            b"DAY1      ",
            b"                  42",
        ]
        .concat();
        assert_eq!(out, expected);
        out.clear();
        Packet::Sequenced(b"D").encode(&mut out);
        Packet::ServerHeartbeat.encode(&mut out);
        assert_eq!(out, b"\0\x02SD\0\x01H");
    }

    #[test]
    fn fields_that_hold_something_else_are_named() {
        let error = |bytes: &[u8]| {
            assert_eq!(whole_len(bytes), Ok(Some(bytes.len())));
            Packet::decode(bytes).unwrap_err().to_string()
        };
        let accepted = |number: &[u8; 20]| [b"\0\x1fADAY1      ".as_slice(), number].concat();
        for wrong in [
            b"18446744073709551616",
            b"                  -1",
            b"                  +1",
            b"                    ",
            b"1 2                 ",
            b"\xff                  1",
        ] {
            let error = error(&accepted(wrong));
            let expected = "the accepted sequence is no decimal number below 2^64: ";
            assert!(error.starts_with(expected), "{error}");
        }
        let most = accepted(b"18446744073709551615");
        let Ok(Packet::Accepted { sequence, .. }) = Packet::decode(&most) else {
            panic!("the largest number is one");
        };
        assert_eq!(sequence, u64::MAX);
    }

    #[test]
    fn fields_may_be_padded_on_either_side_with_blanks_or_nuls() {
        let user = |bytes: [u8; 6]| Text(bytes);
        for same in [*b"nexus ", *b" NEXUS", *b"Nexus\0", *b"\0nexUS"] {
            assert_eq!(user(same), user(*b"nexus "));
        }
        assert_ne!(user(*b"nexu s"), user(*b"nexus "));
        let login = |sequence: &[u8; 20]| {
            let mut bytes = b"\0\x2fLnexus secret\0\0\0\0\0\0\0\0DAY 1\0".to_vec();
            bytes.extend_from_slice(sequence);
            match Packet::decode(&bytes) {
                Ok(Packet::Login(login)) => login,
                other => panic!("{other:?}"),
            }
        };
        for (field, sequence) in [
            (b"                  42", 42),
            (b"42\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 42),
            (b"                    ", 0),
            (&[0; 20], 0),
        ] {
            let login = login(field);
            assert_eq!(login.sequence, sequence);
            assert_eq!(login.session, "DAY 1".parse().ok());
            assert_eq!(login.password, "SECRET".parse().unwrap());
        }
    }

    #[test]
    fn an_answer_to_a_login_has_the_bytes_of_the_specification() {
        let mut out = Vec::new();
        let session = SessionName::from_bytes(*b"DAY 1\0\0\0\0\0");
        Packet::Accepted {
            session,
            sequence: 7,
        }
        .encode(&mut out);
        assert_eq!(out, b"\0\x1fA     DAY 1                   7");
        for (code, reason) in [
            (b'A', Rejection::NotAuthorized),
            (b'S', Rejection::NoSession),
            (b'x', Rejection::Other(b'x')),
        ] {
            let bytes = [0, 2, b'J', code];
            assert_eq!(Packet::decode(&bytes), Ok(Packet::Rejected(reason)));
            assert_eq!(reason.is_final(), code != b'S');
        }
        let other = Rejection::Other(0x1b).to_string();
        assert_eq!(
            other,
            "'\\x1b' (0x1b), a code that the protocol does not have"
        );
    }

    #[test]
    fn texts_that_do_not_fit_are_refused() {
        assert!("sevenxx".parse::<User>().is_err());
        let error = "a b".parse::<Password>().unwrap_err().to_string();
        assert_eq!(error, "at most 10 letters and digits do");
        assert_eq!(format!("{:?}", User::default()), "Text<6>(..)");
    }

    proptest! {
        #![proptest_config(nexus_testkit::property::config(256))]

        #[test]
        fn packets_round_trip(bytes in packets()) {
            prop_assert_eq!(whole_len(&bytes), Ok(Some(bytes.len())));
            let packet = Packet::decode(&bytes).unwrap();
            let mut again = Vec::new();
            packet.encode(&mut again);
            prop_assert_eq!(again, bytes);
        }

        #[test]
        fn lengths_are_known_from_three_bytes_on(bytes in packets(), cut in 0..3_usize) {
            prop_assert_eq!(whole_len(&bytes[..cut]), Ok(None));
            prop_assert_eq!(whole_len(&bytes[..3]), Ok(Some(bytes.len())));
        }
    }
}
