package actors

// Notification is a message of a service, finished for sending to any number of its peers.
type Notification struct{ notification *notification }

// Notification makes a message of v, which is marshalled to JSON; a json.RawMessage, which must be valid JSON, is taken
// as it is. An error says that v cannot be marshalled.
func (c *ServiceContext) Notification(v any) (Notification, error) {
	content, err := encode(v)
	if err != nil {
		return Notification{}, err
	}
	n := &notification{frame: c.host.service.frame(content), broker: c.host.broker}
	return Notification{notification: n}, nil
}

// Size is the number of bytes that the message takes on its way to a client.
func (n Notification) Size() int { return len(n.notification.frame) }

// Send sends n to the client, as Notify does, without encoding it once more.
func (p Peer) Send(n Notification) { p.connection.mailIn(n.notification) }
