//! A network in memory: what a device sends is put before the device with that address, and lost
//! where there is none.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::task::{Context, Waker};

use embassy_net::driver::{self, Capabilities, Driver, HardwareAddress, LinkState};
use embassy_net::{
    Config, ConfigV4, ConfigV6, Ipv4Cidr, Ipv6Cidr, Stack, StackResources, StaticConfigV4,
    StaticConfigV6,
};

/// The network; its clones are the same.
#[derive(Clone, Default)]
pub struct Hub(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    ports: Vec<Port>,
    segments: Vec<Segment>,
}

struct Port {
    addresses: Vec<IpAddr>,
    up: bool,
    inbox: VecDeque<Vec<u8>>,
    waker: Option<Waker>,
}

/// A TCP segment that was sent, whether it arrived or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub from: IpAddr,
    pub to: IpAddr,
    pub control: Control,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    Syn,
    Fin,
    Reset,
    Other,
}

/// A device's end of its cable.
struct Plug {
    hub: Hub,
    port: usize,
}

impl Hub {
    /// A device with these addresses, its stack running. Names are asked of `dns`.
    pub fn device(&self, addresses: &[&str], dns: Option<&str>) -> Stack<'static> {
        let addresses: Vec<IpAddr> = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
        let mut config = Config::default();
        for ip in &addresses {
            match ip {
                IpAddr::V4(ip) => {
                    config.ipv4 = ConfigV4::Static(StaticConfigV4 {
                        address: Ipv4Cidr::new(*ip, 24),
                        gateway: None,
                        dns_servers: dns.iter().map(|ip| ip.parse().unwrap()).collect(),
                    });
                }
                IpAddr::V6(ip) => {
                    config.ipv6 = ConfigV6::Static(StaticConfigV6 {
                        address: Ipv6Cidr::new(*ip, 64),
                        gateway: None,
                        dns_servers: Default::default(),
                    });
                }
            }
        }
        let mut state = self.0.borrow_mut();
        let plug = Plug {
            hub: self.clone(),
            port: state.ports.len(),
        };
        state.ports.push(Port {
            addresses,
            up: true,
            inbox: VecDeque::new(),
            waker: None,
        });
        drop(state);
        // As a static, but one for each test.
        let resources = Box::leak(Box::new(StackResources::<8>::new()));
        let (stack, mut runner) = embassy_net::new(plug, config, resources, 7);
        tokio::task::spawn_local(async move { runner.run().await });
        stack
    }

    /// Pulls the cable of the device with this address, or puts it back.
    pub fn set_link(&self, ip: &str, up: bool) {
        let ip: IpAddr = ip.parse().unwrap();
        let mut state = self.0.borrow_mut();
        let port = state.ports.iter_mut().find(|p| p.addresses.contains(&ip));
        let port = port.unwrap();
        port.up = up;
        port.wake();
    }

    /// Gives the device with the address `from` the address `to` instead.
    pub fn renumber(&self, stack: Stack<'static>, from: &str, to: &str) {
        let (from, to): (IpAddr, Ipv4Addr) = (from.parse().unwrap(), to.parse().unwrap());
        let mut state = self.0.borrow_mut();
        let port = state.ports.iter_mut().find(|p| p.addresses.contains(&from));
        port.unwrap().addresses = vec![to.into()];
        stack.set_config_v4(ConfigV4::Static(StaticConfigV4 {
            address: Ipv4Cidr::new(to, 24),
            gateway: None,
            dns_servers: Default::default(),
        }));
    }

    /// What was sent so far from `ip` with this control flag, by where it went.
    pub fn sent(&self, ip: &str, control: Control) -> Vec<IpAddr> {
        let ip: IpAddr = ip.parse().unwrap();
        let state = self.0.borrow();
        let segments = state.segments.iter();
        segments
            .filter(|segment| segment.from == ip && segment.control == control)
            .map(|segment| segment.to)
            .collect()
    }

    fn send(&self, from: usize, packet: Vec<u8>) {
        let state = &mut *self.0.borrow_mut();
        let (to, segment) = read(&packet);
        state.segments.extend(segment);
        if !state.ports[from].up {
            return;
        }
        let port = state.ports.iter_mut().find(|p| p.addresses.contains(&to));
        if let Some(port) = port.filter(|port| port.up) {
            port.inbox.push_back(packet);
            port.wake();
        }
    }
}

impl Port {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// Where an IP packet goes, and the TCP segment in it.
fn read(packet: &[u8]) -> (IpAddr, Option<Segment>) {
    let v4 = |at: usize| -> IpAddr { <[u8; 4]>::try_from(&packet[at..at + 4]).unwrap().into() };
    let v6 = |at: usize| -> IpAddr { <[u8; 16]>::try_from(&packet[at..at + 16]).unwrap().into() };
    let (from, to, protocol, head) = match packet[0] >> 4 {
        4 => (v4(12), v4(16), packet[9], usize::from(packet[0] & 15) * 4),
        _ => (v6(8), v6(24), packet[6], 40),
    };
    let segment = (protocol == 6).then(|| {
        let flags = packet[head + 13];
        let control = match flags & 0b111 {
            0 => Control::Other,
            1 => Control::Fin,
            2 => Control::Syn,
            _ => Control::Reset,
        };
        Segment { from, to, control }
    });
    (to, segment)
}

impl Driver for Plug {
    type RxToken<'a> = Rx;
    type TxToken<'a> = Tx;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Rx, Tx)> {
        let port = &mut self.hub.0.borrow_mut().ports[self.port];
        port.waker = Some(context.waker().clone());
        let packet = port.inbox.pop_front()?;
        Some((Rx(packet), Tx(self.hub.clone(), self.port)))
    }

    fn transmit(&mut self, _context: &mut Context<'_>) -> Option<Tx> {
        Some(Tx(self.hub.clone(), self.port))
    }

    fn link_state(&mut self, context: &mut Context<'_>) -> LinkState {
        let port = &mut self.hub.0.borrow_mut().ports[self.port];
        port.waker = Some(context.waker().clone());
        match port.up {
            true => LinkState::Up,
            false => LinkState::Down,
        }
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = 1500;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ip
    }
}

struct Rx(Vec<u8>);

struct Tx(Hub, usize);

impl driver::RxToken for Rx {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, take: F) -> R {
        take(&mut self.0)
    }
}

impl driver::TxToken for Tx {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, fill: F) -> R {
        let mut packet = vec![0; len];
        let filled = fill(&mut packet);
        self.0.send(self.1, packet);
        filled
    }
}
