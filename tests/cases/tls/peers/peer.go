// A WebSocket peer of gorilla/websocket over Go's crypto/tls; speaks the words of tlslab.py and logs what its library reports.
// usage: peer server ADDRESS KEYLOG CERT KEY VERSION [SUITE...]     peer client ADDRESS KEYLOG VERSION PATH...
package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

var versions = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

func log(m map[string]interface{}) {
	b, _ := json.Marshal(m)
	fmt.Println(string(b))
}

func words(path string) (who, what, reason string) {
	p := append(strings.Split(path, "/"), "", "", "", "", "")
	reason, _ = url.PathUnescape(p[4])
	return p[2], p[3], strings.ReplaceAll(reason, "_", " ")
}

func end(c *websocket.Conn, what, reason string) {
	t := c.UnderlyingConn().(*tls.Conn)
	if code, err := strconv.Atoi(what); err == nil {
		c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(time.Second))
	} else if what == "empty" {
		c.WriteControl(websocket.CloseMessage, nil, time.Now().Add(time.Second))
	} else if what == "fin" {
		t.Close()
	} else if what == "cut" {
		t.NetConn().Close()
	} else {
		t.NetConn().(*net.TCPConn).SetLinger(0)
		t.NetConn().Close()
	}
}

// Reads to the end and says what the library made of it.
func rest(c *websocket.Conn, path string, each func(string) bool) {
	for {
		_, m, err := c.ReadMessage()
		if err == nil {
			each(string(m))
			continue
		}
		code, reason := 1006, ""
		if e, ok := err.(*websocket.CloseError); ok {
			code, reason = e.Code, e.Text
			if code == 1006 {
				reason = ""
			}
		}
		log(map[string]interface{}{"path": path, "code": code, "reason": reason})
		c.Close()
		return
	}
}

func main() {
	address, file := os.Args[2], os.Args[3]
	keylog, _ := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0644)
	if os.Args[1] == "server" {
		cert, err := tls.LoadX509KeyPair(os.Args[4], os.Args[5])
		if err != nil {
			panic(err)
		}
		v := versions[os.Args[6]]
		config := &tls.Config{Certificates: []tls.Certificate{cert}, KeyLogWriter: keylog, MinVersion: v, MaxVersion: v}
		for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			for _, want := range os.Args[7:] {
				if s.Name == want {
					config.CipherSuites = append(config.CipherSuites, s.ID)
				}
			}
		}
		up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
		http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			c, err := up.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			path := r.URL.EscapedPath()
			_, what, reason := words(path)
			rest(c, path, func(m string) bool {
				if m == "go" {
					end(c, what, reason)
				} else {
					c.WriteMessage(websocket.TextMessage, []byte(m))
				}
				return true
			})
		})
		l, err := tls.Listen("tcp", address, config)
		if err != nil {
			panic(err)
		}
		log(map[string]interface{}{"ready": true})
		http.Serve(l, nil)
		return
	}
	v := versions[os.Args[4]]
	d := websocket.Dialer{TLSClientConfig: &tls.Config{ServerName: "sample.example", InsecureSkipVerify: true, KeyLogWriter: keylog, MinVersion: v, MaxVersion: v}}
	for _, path := range os.Args[5:] {
		c, _, err := d.Dial("wss://"+address+path, nil)
		if err != nil {
			log(map[string]interface{}{"failed": path, "error": err.Error()})
			continue
		}
		t := c.UnderlyingConn().(*tls.Conn)
		log(map[string]interface{}{"at": path, "address": t.LocalAddr().String(), "suite": tls.CipherSuiteName(t.ConnectionState().CipherSuite)})
		who, what, reason := words(path)
		c.WriteMessage(websocket.TextMessage, []byte("hello"))
		rest(c, path, func(string) bool {
			if who == "server" {
				c.WriteMessage(websocket.TextMessage, []byte("go"))
			} else {
				end(c, what, reason)
			}
			return true
		})
		time.Sleep(100 * time.Millisecond)
	}
}
