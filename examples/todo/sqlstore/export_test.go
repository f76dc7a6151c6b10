package sqlstore

import "context"

// Pretend makes the database look as if a later version of the program had been at work.
func Pretend(ctx context.Context, s *Store, step int) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO migrations (step) VALUES ($1)`, step)
	return err
}
