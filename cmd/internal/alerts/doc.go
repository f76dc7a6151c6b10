// Package alerts tests what deploy has for Prometheus and Grafana against a server that runs: every metric and label that a
// rule or a panel asks for has to be there. It is a module of its own, since the parser of Prometheus brings much along.
package alerts
