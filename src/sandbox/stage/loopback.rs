//! Brings up `lo` in a new network namespace, where it is down.

use std::io;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

/// `RTM_NEWLINK`, `NLM_F_REQUEST | NLM_F_ACK` and `IFF_UP` of rtnetlink(7).
const NEW_LINK: u16 = 16;
const REQUEST_WITH_ANSWER: u16 = 1 | 4;
const UP: u32 = 1;
/// `lo` is the first interface of every network namespace.
const LOOPBACK_INDEX: i32 = 1;
/// `NLMSG_ERROR`, which is also how success is told.
const ANSWER: u16 = 2;

/// Brings the interface up, and waits until the kernel says so.
pub(super) fn raise() -> io::Result<()> {
    // No protocol is the protocol 0: NETLINK_ROUTE.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    sendto(&socket, &request(), SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut answer = [0_u8; 256];
    let (count, _) = recv(&socket, &mut answer, RecvFlags::empty())?;
    judge(&answer[..count])
}

/// A header of 16 bytes and an `ifinfomsg` of 16.
fn request() -> Vec<u8> {
    let mut message = Vec::with_capacity(32);
    message.extend(32_u32.to_ne_bytes());
    message.extend(NEW_LINK.to_ne_bytes());
    message.extend(REQUEST_WITH_ANSWER.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    message.extend([0; 4]);
    message.extend(LOOPBACK_INDEX.to_ne_bytes());
    message.extend(UP.to_ne_bytes());
    message.extend(UP.to_ne_bytes());
    message
}

fn judge(answer: &[u8]) -> io::Result<()> {
    let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
    let code = answer.get(16..20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    match (kind, code) {
        (Some(ANSWER), Some(0)) => Ok(()),
        (Some(ANSWER), Some(code)) => Err(io::Error::from_raw_os_error(-code)),
        _ => Err(io::Error::other("the kernel's answer is not one")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_answer_is_read() {
        let answer = |code: i32| {
            let mut bytes = vec![0; 16];
            bytes[4..6].copy_from_slice(&ANSWER.to_ne_bytes());
            bytes.extend(code.to_ne_bytes());
            bytes
        };
        assert!(judge(&answer(0)).is_ok());
        assert_eq!(judge(&answer(-1)).unwrap_err().raw_os_error(), Some(1));
        assert!(judge(b"").is_err());
        assert_eq!(request().len(), 32);
    }
}
