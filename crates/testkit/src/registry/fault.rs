/// What goes wrong with one request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The request arrives, nothing is done, the connection is reset.
    ResetBeforeAnswer,
    /// The connection is reset when so many bytes of the body have arrived; they are kept where an
    /// upload keeps them.
    ResetInBody(u64),
    /// The request is done, and the connection reset before the answer.
    LoseAnswer,
    /// The request is done, half of the answer's bytes are sent, then the connection closes.
    CutAnswer,
    /// The request is done; one byte in the middle of the answer's body is another one.
    FlipByte,
    /// The request is done; the answer says this in its headers, whatever is true.
    Claim(Vec<(&'static str, String)>),
    /// The request is done; the answer has this body instead of its own, under its own headers.
    OtherBody(Vec<u8>),
    /// The request is not done; 401 with a challenge that says the token is not valid any more. A
    /// request for a token carries none, and is answered.
    StaleToken,
    /// The request is not done; this status, with these headers.
    Status(u16, Vec<(&'static str, String)>),
    /// The request is not done, and never answered.
    Silence,
}
