//! The server's side of one connection: checks the login, numbers nothing and
//! forgets nothing, and notices a client that is gone.

use super::packet::{Login, Packet, Password, Rejection, User};
use crate::foreign::shown;
use crate::heartbeat::{Liveness, Rhythm, Silent};
use crate::session::SessionName;
use std::fmt;
use std::time::Instant;

/// What a login must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Door {
    /// The session that is played.
    pub session: SessionName,
    /// The logins that may come in.
    pub user: User,
    /// And with what proof.
    pub password: Password,
}

/// One client's connection.
///
/// ```
/// use nexus_itch::soup::{Door, Login, Packet, Server};
/// use nexus_itch::heartbeat::Rhythm;
/// use std::time::Instant;
///
/// let (user, password) = Default::default();
/// let door = Door { session: "DAY1".parse().unwrap(), user, password };
/// let now = Instant::now();
/// let mut server = Server::new(door, Rhythm::default(), now);
/// let mut out = Vec::new();
///
/// let login = Packet::Login(Login { user, password, session: None, sequence: 3 });
/// // Of a feed that has come as far as message 10.
/// assert_eq!(server.take(login, 10, now, &mut out), Ok(Some(3)));
/// assert_eq!(out[2], b'A');
/// ```
#[derive(Debug)]
pub struct Server {
    door: Door,
    phase: Phase,
    liveness: Liveness,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Login,
    Serving,
    Over,
}

/// Why a client is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerFault {
    /// User or password is another.
    NotAuthorized,
    /// It asked for another session.
    Session {
        /// What it asked for.
        asked: SessionName,
        /// What is played.
        played: SessionName,
    },
    /// It asked for a message that is not there yet.
    Sequence {
        /// What it asked for.
        asked: u64,
        /// The last that it could have asked for.
        limit: u64,
    },
    /// A packet that a client does not send, or not then.
    Unexpected {
        /// Its type byte.
        kind: u8,
        /// When it came.
        when: &'static str,
    },
    /// Nothing came for too long.
    Silent(Silent),
}

impl fmt::Display for ServerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerFault::NotAuthorized => write!(f, "rejected: wrong user or password"),
            ServerFault::Session { asked, played } => {
                write!(f, "rejected: asked for session {asked}, {played} is played")
            }
            ServerFault::Sequence { asked, limit } => write!(
                f,
                "rejected: asked for message {asked}, the next one is {limit}"
            ),
            ServerFault::Unexpected { kind, when } => {
                write!(f, "sent packet '{}' {when}", shown(&[*kind]))
            }
            ServerFault::Silent(silent) => silent.fmt(f),
        }
    }
}

impl std::error::Error for ServerFault {}

impl Server {
    /// A client has connected.
    pub fn new(door: Door, rhythm: Rhythm, now: Instant) -> Self {
        Self {
            door,
            phase: Phase::Login,
            liveness: Liveness::new(rhythm, now),
        }
    }

    /// Whether the client has said goodbye.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Takes a packet from the client, while the feed has come as far as
    /// message `latest`. A login that is good returns the number to start
    /// from; the answer is appended to `out`, and is to be sent even before
    /// an error closes the connection.
    ///
    /// # Errors
    ///
    /// If the login is refused, or the packet is none that a client sends then.
    pub fn take(
        &mut self,
        packet: Packet<'_>,
        latest: u64,
        now: Instant,
        out: &mut Vec<u8>,
    ) -> Result<Option<u64>, ServerFault> {
        self.liveness.heard(now);
        match (packet, self.phase) {
            (Packet::Login(login), Phase::Login) => match self.admit(login, latest) {
                Ok(sequence) => {
                    let session = self.door.session;
                    Packet::Accepted { session, sequence }.encode(out);
                    self.liveness.sent(now);
                    self.phase = Phase::Serving;
                    Ok(Some(sequence))
                }
                Err(fault) => {
                    let reason = match fault {
                        ServerFault::NotAuthorized => Rejection::NotAuthorized,
                        _ => Rejection::NoSession,
                    };
                    Packet::Rejected(reason).encode(out);
                    self.phase = Phase::Over;
                    Err(fault)
                }
            },
            (Packet::Logout, _) => {
                self.phase = Phase::Over;
                Ok(None)
            }
            (Packet::Debug(_) | Packet::Unsequenced(_) | Packet::ClientHeartbeat, _)
            | (_, Phase::Over) => Ok(None),
            (packet, phase) => Err(ServerFault::Unexpected {
                kind: packet.kind(),
                when: match phase {
                    Phase::Login => "in place of a login",
                    _ => "after its login",
                },
            }),
        }
    }

    fn admit(&self, login: Login, latest: u64) -> Result<u64, ServerFault> {
        let door = &self.door;
        if login.user != door.user || login.password != door.password {
            return Err(ServerFault::NotAuthorized);
        }
        let played = door.session;
        if let Some(asked) = login.session
            && asked != played
        {
            return Err(ServerFault::Session { asked, played });
        }
        let limit = latest.saturating_add(1);
        match login.sequence {
            0 => Ok(latest.max(1)),
            asked if asked > limit => Err(ServerFault::Sequence { asked, limit }),
            asked => Ok(asked),
        }
    }

    /// Something was sent to the client: no heartbeat is due for a while.
    pub fn sent(&mut self, now: Instant) {
        self.liveness.sent(now);
    }

    /// What time demands: appends a heartbeat to `out`, if one is due. Returns
    /// when to ask again.
    ///
    /// # Errors
    ///
    /// If the client was silent for too long.
    pub fn tick(&mut self, now: Instant, out: &mut Vec<u8>) -> Result<Instant, ServerFault> {
        self.liveness.check(now).map_err(ServerFault::Silent)?;
        if self.phase == Phase::Serving && self.liveness.owes_heartbeat(now) {
            Packet::ServerHeartbeat.encode(out);
            self.liveness.sent(now);
        }
        Ok(match self.phase {
            Phase::Serving => self.liveness.heartbeat_due().min(self.liveness.silent_at()),
            _ => self.liveness.silent_at(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::{Client, Taken};
    use super::super::splitter::Splitter;
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    const DOOR: fn() -> Door = || Door {
        session: "DAY1".parse().unwrap(),
        user: "nexus".parse().unwrap(),
        password: "secret".parse().unwrap(),
    };

    fn login(session: &str, sequence: u64) -> Login {
        Login {
            user: DOOR().user,
            password: DOOR().password,
            session: session.parse().ok(),
            sequence,
        }
    }

    fn answer(login: Login, latest: u64) -> (Result<Option<u64>, String>, Vec<u8>) {
        let now = Instant::now();
        let mut server = Server::new(DOOR(), Rhythm::default(), now);
        let mut out = Vec::new();
        let result = server.take(Packet::Login(login), latest, now, &mut out);
        assert_eq!(server.is_over(), result.is_err());
        (result.map_err(|fault| fault.to_string()), out)
    }

    #[test]
    fn logins_are_checked_one_thing_after_the_other() {
        for (login, latest, start) in [
            (login("DAY1", 1), 0, 1),
            (login("", 8), 7, 8),
            (login("DAY1", 3), 7, 3),
            (login("", 0), 7, 7),
            (login("", 0), 0, 1),
        ] {
            let (result, out) = answer(login, latest);
            assert_eq!((result, out[2]), (Ok(Some(start)), b'A'));
        }
        let mut stranger = login("DAY1", 1);
        stranger.user = Default::default();
        let (result, out) = answer(stranger, 7);
        assert_eq!(result.unwrap_err(), "rejected: wrong user or password");
        assert_eq!(out, b"\0\x02JA");
        let (result, out) = answer(login("DAY2", 1), 7);
        assert_eq!(
            result.unwrap_err(),
            "rejected: asked for session DAY2, DAY1 is played"
        );
        assert_eq!(out, b"\0\x02JS");
        let (result, out) = answer(login("DAY1", 9), 7);
        assert_eq!(
            result.unwrap_err(),
            "rejected: asked for message 9, the next one is 8"
        );
        assert_eq!(out, b"\0\x02JS");
    }

    #[test]
    fn packets_at_the_wrong_time_are_faults() {
        let (now, mut out) = (Instant::now(), Vec::new());
        let mut server = Server::new(DOOR(), Rhythm::default(), now);
        let mut take = |packet| server.take(packet, 5, now, &mut out);
        assert_eq!(
            take(Packet::EndOfSession).unwrap_err().to_string(),
            "sent packet 'Z' in place of a login"
        );
        assert_eq!(take(Packet::ClientHeartbeat), Ok(None));
        assert_eq!(take(Packet::Login(login("", 2))), Ok(Some(2)));
        assert_eq!(
            take(Packet::Login(login("", 2))).unwrap_err().to_string(),
            "sent packet 'L' after its login"
        );
        assert_eq!(take(Packet::Logout), Ok(None));
        assert!(server.is_over());
    }

    #[test]
    fn heartbeats_begin_after_the_login_and_silence_counts_before_it() {
        let begin = Instant::now();
        let after = |ms| begin + Duration::from_millis(ms);
        let mut out = Vec::new();
        let mut server = Server::new(DOOR(), Rhythm::default(), begin);
        assert_eq!(server.tick(after(14_999), &mut out), Ok(after(15_000)));
        assert!(out.is_empty());
        assert!(server.tick(after(15_000), &mut out).is_err());

        let mut server = Server::new(DOOR(), Rhythm::default(), begin);
        server
            .take(Packet::Login(login("", 1)), 0, after(500), &mut out)
            .unwrap();
        out.clear();
        assert_eq!(server.tick(after(1_499), &mut out), Ok(after(1_500)));
        server.sent(after(1_499));
        assert_eq!(server.tick(after(2_400), &mut out), Ok(after(2_499)));
        assert!(out.is_empty());
        server.tick(after(2_499), &mut out).unwrap();
        assert_eq!(out, b"\0\x01H");
    }

    proptest! {
        #![proptest_config(nexus_testkit::property::config(128))]

        /// Both sides against each other, cut off at random: each message
        /// arrives once, in order.
        #[test]
        fn a_client_cut_off_anywhere_gets_each_message_once(
            cuts in proptest::collection::vec(1..600_usize, 0..12),
            total in 1..60_u64,
        ) {
            let now = Instant::now();
            let mut client = Client::new(login("", 1), Rhythm::default());
            let mut got = Vec::new();
            let mut ended = false;
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
                client.connect(now, &mut to_server);
                let mut server = Server::new(DOOR(), Rhythm::default(), now);
                let mut splitter = Splitter::new(0);
                splitter.space()[..to_server.len()].copy_from_slice(&to_server);
                splitter.fill(to_server.len());
                let packet = splitter.next().unwrap().unwrap();
                let start = server.take(packet, total, now, &mut to_client).unwrap().unwrap();
                for sequence in start..=total {
                    let mut message = [0; 19];
                    message[0] = b'D';
                    message[11..].copy_from_slice(&sequence.to_be_bytes());
                    Packet::Sequenced(&message).encode(&mut to_client);
                }
                Packet::EndOfSession.encode(&mut to_client);
                let mut splitter = Splitter::new(1 << 16);
                let arrived = &to_client[..cut.min(to_client.len())];
                splitter.space()[..arrived.len()].copy_from_slice(arrived);
                splitter.fill(arrived.len());
                while let Some(packet) = splitter.next().unwrap() {
                    match client.take(packet, now).unwrap() {
                        Taken::Message { sequence, message } => {
                            prop_assert_eq!(&message[11..], &sequence.to_be_bytes());
                            got.push(sequence);
                        }
                        Taken::Ended => ended = true,
                        _ => {}
                    }
                }
            }
            prop_assert!(ended);
            prop_assert_eq!(got, (1..=total).collect::<Vec<_>>());
        }
    }
}
