//! The client's side: logs in, counts messages, and logs in again where it was
//! cut off.

use super::packet::{Login, Packet, Rejection};
use crate::foreign::shown;
use crate::heartbeat::{Liveness, Rhythm, Silent};
use crate::session::SessionName;
use std::fmt;
use std::time::Instant;

/// One subscription, over any number of connections.
///
/// ```
/// use nexus_itch::soup::{Client, Login, Packet, Taken};
/// use nexus_itch::heartbeat::Rhythm;
/// use std::time::Instant;
///
/// let login = Login {
///     user: Default::default(),
///     password: Default::default(),
///     session: None,
///     sequence: 7,
/// };
/// let mut client = Client::new(login, Rhythm::default());
/// let (now, mut out) = (Instant::now(), Vec::new());
/// client.connect(now, &mut out);
/// assert_eq!(out[2], b'L');
///
/// let session = "DAY1".parse().unwrap();
/// client.take(Packet::Accepted { session, sequence: 7 }, now)?;
/// let mut message = [0; 19];
/// message[0] = b'D';
/// let taken = client.take(Packet::Sequenced(&message), now)?;
/// assert_eq!(taken, Taken::Message { sequence: 7, message: &message });
///
/// // Cut off, it asks for the next one.
/// assert_eq!((client.next(), client.session()), (8, Some(session)));
/// # Ok::<(), nexus_itch::soup::ClientFault>(())
/// ```
#[derive(Debug)]
pub struct Client {
    /// What is asked for, kept up to date.
    login: Login,
    rhythm: Rhythm,
    phase: Phase,
    liveness: Liveness,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The login is sent, or is to be.
    LoggingIn,
    /// The next message that comes has this number.
    Receiving { coming: u64 },
    /// The session is over.
    Ended,
}

/// What a packet came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken<'a> {
    /// The server accepted the login.
    Accepted,
    /// The next message.
    Message {
        /// Its number.
        sequence: u64,
        /// Its bytes: whatever the server sent.
        message: &'a [u8],
    },
    /// The session is over: there is no message more.
    Ended,
    /// Text of the server for people.
    Debug(&'a [u8]),
    /// Nothing that matters to a subscriber.
    Nothing,
}

/// Why a connection is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientFault {
    /// The login was refused.
    Rejected(Rejection),
    /// The server plays another session than the one asked for.
    Session {
        /// What was asked for.
        asked: SessionName,
        /// What is played.
        played: SessionName,
    },
    /// The server goes on behind the message asked for.
    Skipped {
        /// What was asked for.
        asked: u64,
        /// What comes next.
        coming: u64,
    },
    /// A packet that a server does not send, or not then.
    Unexpected {
        /// Its type byte.
        kind: u8,
        /// When it came.
        when: &'static str,
    },
    /// Nothing came for too long.
    Silent(Silent),
}

impl ClientFault {
    /// Whether another connection would meet the same.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            ClientFault::Rejected(reason) if reason.is_final()
        ) || matches!(
            self,
            ClientFault::Session { .. } | ClientFault::Skipped { .. }
        )
    }
}

impl fmt::Display for ClientFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientFault::Rejected(reason) => write!(f, "login rejected: {reason}"),
            ClientFault::Session { asked, played } => {
                write!(f, "session {asked} was asked for, {played} is played")
            }
            ClientFault::Skipped { asked, coming } => write!(
                f,
                "message {asked} was asked for, the server goes on with {coming}"
            ),
            ClientFault::Unexpected { kind, when } => {
                write!(f, "packet '{}' {when}", shown(&[*kind]))
            }
            ClientFault::Silent(silent) => silent.fmt(f),
        }
    }
}

impl std::error::Error for ClientFault {}

impl Client {
    /// Will ask for what `login` says: a session, or any, and the number of
    /// the message wanted first.
    pub fn new(login: Login, rhythm: Rhythm) -> Self {
        Self {
            login,
            rhythm,
            phase: Phase::LoggingIn,
            liveness: Liveness::new(rhythm, Instant::now()),
        }
    }

    /// The number of the message wanted next.
    pub fn next(&self) -> u64 {
        self.login.sequence
    }

    /// The session: the one asked for, or the first that was accepted.
    pub fn session(&self) -> Option<SessionName> {
        self.login.session
    }

    /// A connection stands: appends the login to `out`.
    pub fn connect(&mut self, now: Instant, out: &mut Vec<u8>) {
        self.phase = Phase::LoggingIn;
        self.liveness = Liveness::new(self.rhythm, now);
        Packet::Login(self.login).encode(out);
    }

    /// Appends a logout to `out`, if the session is not over anyway.
    pub fn disconnect(&self, out: &mut Vec<u8>) {
        if let Phase::Receiving { .. } = self.phase {
            Packet::Logout.encode(out);
        }
    }

    /// Takes a packet from the server.
    ///
    /// # Errors
    ///
    /// If it is none that a server sends, or not then: the connection is of no
    /// more use.
    pub fn take<'a>(&mut self, packet: Packet<'a>, now: Instant) -> Result<Taken<'a>, ClientFault> {
        self.liveness.heard(now);
        let kind = packet.kind();
        match (packet, self.phase) {
            (Packet::Debug(text), _) => Ok(Taken::Debug(text)),
            (Packet::Unsequenced(_), _) | (_, Phase::Ended) => Ok(Taken::Nothing),
            (Packet::ServerHeartbeat, _) => Ok(Taken::Nothing),
            (Packet::Accepted { session, sequence }, Phase::LoggingIn) => {
                self.accept(session, sequence)
            }
            (Packet::Rejected(reason), Phase::LoggingIn) => Err(ClientFault::Rejected(reason)),
            (Packet::Sequenced(message), Phase::Receiving { coming }) => {
                Ok(self.receive(coming, message))
            }
            (Packet::EndOfSession, Phase::Receiving { .. }) => {
                self.phase = Phase::Ended;
                Ok(Taken::Ended)
            }
            (_, phase) => Err(ClientFault::Unexpected {
                kind,
                when: match phase {
                    Phase::LoggingIn => "in answer to a login",
                    _ => "in the midst of a session",
                },
            }),
        }
    }

    fn accept(&mut self, played: SessionName, coming: u64) -> Result<Taken<'static>, ClientFault> {
        if let Some(asked) = self.login.session
            && asked != played
        {
            return Err(ClientFault::Session { asked, played });
        }
        // What comes before the message asked for is passed over.
        match self.login.sequence {
            0 => self.login.sequence = coming.max(1),
            asked if coming > asked => return Err(ClientFault::Skipped { asked, coming }),
            _ => {}
        }
        self.login.session = Some(played);
        self.phase = Phase::Receiving {
            coming: coming.max(1),
        };
        Ok(Taken::Accepted)
    }

    fn receive<'a>(&mut self, sequence: u64, message: &'a [u8]) -> Taken<'a> {
        let coming = sequence.saturating_add(1);
        self.phase = Phase::Receiving { coming };
        if sequence < self.login.sequence {
            return Taken::Nothing;
        }
        self.login.sequence = coming;
        Taken::Message { sequence, message }
    }

    /// Counts the time of silence from now on: nothing can have come while
    /// nobody listened.
    pub fn listen(&mut self, now: Instant) {
        self.liveness.heard(now);
    }

    /// What time demands: appends a heartbeat to `out`, if one is due. Returns
    /// when to ask again, if nothing comes before.
    ///
    /// # Errors
    ///
    /// If the server was silent for too long.
    pub fn tick(&mut self, now: Instant, out: &mut Vec<u8>) -> Result<Instant, ClientFault> {
        self.liveness.check(now).map_err(ClientFault::Silent)?;
        if self.liveness.owes_heartbeat(now) {
            Packet::ClientHeartbeat.encode(out);
            self.liveness.sent(now);
        }
        Ok(self.liveness.heartbeat_due().min(self.liveness.silent_at()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn client(session: Option<SessionName>, sequence: u64) -> Client {
        let login = Login {
            user: "nexus".parse().unwrap(),
            password: Default::default(),
            session,
            sequence,
        };
        Client::new(login, Rhythm::default())
    }

    fn name(text: &str) -> SessionName {
        text.parse().unwrap()
    }

    fn accepted(session: &str, sequence: u64) -> Packet<'static> {
        Packet::Accepted {
            session: name(session),
            sequence,
        }
    }

    const DELETE: [u8; 19] = {
        let mut message = [0; 19];
        message[0] = b'D';
        message
    };

    #[test]
    fn it_resumes_at_the_message_that_it_wants_next() {
        let (now, mut out) = (Instant::now(), Vec::new());
        let mut client = client(None, 1);
        client.connect(now, &mut out);
        assert_eq!(client.take(accepted("D1", 1), now), Ok(Taken::Accepted));
        for expected in 1..=3 {
            let taken = client.take(Packet::Sequenced(&DELETE), now).unwrap();
            assert!(matches!(taken, Taken::Message { sequence, .. } if sequence == expected));
        }
        out.clear();
        client.connect(now, &mut out);
        let end = String::from_utf8(out.clone()).unwrap();
        assert!(end.ends_with(&format!("D1{:8}{:>20}", "", 4)), "{end:?}");
        assert_eq!(client.take(accepted("D1", 4), now), Ok(Taken::Accepted));
        assert_eq!(client.take(Packet::EndOfSession, now), Ok(Taken::Ended));
        assert_eq!(
            client.take(Packet::ServerHeartbeat, now),
            Ok(Taken::Nothing)
        );
        out.clear();
        client.disconnect(&mut out);
        assert!(out.is_empty(), "nobody logs out of what is over");
    }

    #[test]
    fn a_server_that_begins_earlier_is_skipped_through_and_a_later_one_refused() {
        let now = Instant::now();
        let mut client = client(Some(name("D1")), 5);
        client.take(accepted("D1", 3), now).unwrap();
        for expected in [None, None, Some(5), Some(6)] {
            let taken = client.take(Packet::Sequenced(&DELETE), now).unwrap();
            let sequence = match taken {
                Taken::Message { sequence, .. } => Some(sequence),
                _ => None,
            };
            assert_eq!(sequence, expected);
        }
        client.connect(now, &mut Vec::new());
        let fault = client.take(accepted("D1", 8), now).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "message 7 was asked for, the server goes on with 8"
        );
        let fault = client.take(accepted("D2", 7), now).unwrap_err();
        assert_eq!(fault.to_string(), "session D1 was asked for, D2 is played");
        assert!(fault.is_final());
    }

    #[test]
    fn packets_at_the_wrong_time_are_faults_and_others_are_passed_over() {
        let now = Instant::now();
        let fault = |packet, logged_in| {
            let mut client = client(None, 0);
            if logged_in {
                client.take(accepted("D", 9), now).unwrap();
                assert_eq!(client.next(), 9, "0 asks for the latest");
            }
            client.take(packet, now).unwrap_err().to_string()
        };
        let rejected = Packet::Rejected(Rejection::NotAuthorized);
        assert_eq!(
            fault(rejected, false),
            "login rejected: A, user or password is not known"
        );
        for packet in [
            Packet::Sequenced(&DELETE),
            Packet::EndOfSession,
            Packet::Logout,
        ] {
            let text = format!(
                "packet '{}' in answer to a login",
                char::from(packet.kind())
            );
            assert_eq!(fault(packet, false), text);
        }
        for packet in [rejected, accepted("D", 9), Packet::ClientHeartbeat] {
            let text = format!(
                "packet '{}' in the midst of a session",
                char::from(packet.kind())
            );
            assert_eq!(fault(packet, true), text);
        }
        let mut client = client(None, 1);
        let said = client.take(Packet::Debug(b"hello"), now);
        assert_eq!(said, Ok(Taken::Debug(b"hello")));
        let taken = client.take(Packet::Unsequenced(b"x"), now);
        assert_eq!(taken, Ok(Taken::Nothing));
    }

    #[test]
    fn it_sends_heartbeats_and_notices_silence() {
        let begin = Instant::now();
        let after = |ms| begin + Duration::from_millis(ms);
        let mut client = client(None, 1);
        let mut out = Vec::new();
        client.connect(begin, &mut out);
        out.clear();
        assert_eq!(client.tick(after(999), &mut out), Ok(after(1000)));
        assert!(out.is_empty());
        assert_eq!(client.tick(after(1000), &mut out), Ok(after(2000)));
        assert_eq!(out, b"\0\x01R");
        client.take(Packet::ServerHeartbeat, after(2000)).unwrap();
        assert!(client.tick(after(16_999), &mut out).is_ok());
        let fault = client.tick(after(17_000), &mut out).unwrap_err();
        assert_eq!(fault.to_string(), "silent for 15s, the limit");
        assert!(!fault.is_final());
    }
}
