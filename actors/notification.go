package actors

// Notification is a message of a service, finished for sending to any number of its peers.
type Notification struct{ frame []byte }

// Notification makes a message of v, which is marshalled to JSON; a json.RawMessage, which must be valid JSON, is taken
// as it is. An error says that v cannot be marshalled.
func (c *ServiceContext) Notification(v any) (Notification, error) {
	content, err := encode(v)
	if err != nil {
		return Notification{}, err
	}
	return Notification{frame: c.host.service.frame(content)}, nil
}

// Send sends n to the client, as Notify does, without encoding it once more.
func (p Peer) Send(n Notification) {
	p.connection.mailIn(&notification{frame: n.frame})
}
